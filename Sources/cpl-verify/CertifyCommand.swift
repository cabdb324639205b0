import ArgumentParser
import CPLVerify
import Foundation

struct CertifyCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certify",
    abstract: "Gives each test image the radius within which its class is certified.")

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    var judgement = try Judgement(weights, dataOptions, results, options)
    try judgement.certify()
    try judgement.finish { report in
      if options.json {
        try Output.line(try report.json(.certify))
      } else if let table = report.certificates {
        try show(table)
      }
    }
  }

  /// Significant digits of the table's numbers.
  private static let digits = 6

  /// A radius with the class that it belongs to, each kind its own; all numbers rounded down.
  private func show(_ table: CertificateTable) throws {
    let kinds = table.kinds
    let width = Rounding.textWidth(digits: Self.digits) + 2
    try Output.line(
      "index  label  margin".padding(14 + width)
        + kinds.map { "class  " + $0.rawValue.padding(width) }.joined())
    for row in 0..<table.count {
      let certificates = kinds.map { kind in
        let prediction = table.predictions(of: kind)[row]
        return (prediction < 0 ? "–" : "\(prediction)").padding(7)
          + Rounding.down.text(table.radii[kind]?[row], digits: Self.digits).padding(width)
      }
      try Output.line(
        "\(table.indices[row])".padding(7) + "\(table.labels[row])".padding(7)
          + Rounding.down.text(table.margins[row], digits: Self.digits).padding(width)
          + certificates.joined())
    }
    let nonFinite = table.nonFiniteRows
    if !nonFinite.isEmpty {
      try Output.line(
        "not finite: the logits of \(nonFinite.count) images, which count as wrong: "
          + nonFinite.map { "\(table.indices[$0])" }.joined(separator: ", "))
    }
  }
}
