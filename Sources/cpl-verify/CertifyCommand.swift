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
        try Output.opening(of: report)
        try show(table)
      }
    }
  }

  private func show(_ table: CertificateTable) throws {
    let kinds = table.kinds
    try Output.line(
      "index  label  prediction  margin      "
        + kinds.map { $0.rawValue.padding(12) }.joined())
    for row in 0..<table.count {
      let numbers = [table.margins[row]] + kinds.compactMap { table.radii[$0]?[row] }
      try Output.line(
        "\(table.indices[row])".padding(7) + "\(table.labels[row])".padding(7)
          + "\(table.predictions[row])".padding(12)
          + numbers.map { String(format: "%.6f", $0).padding(12) }.joined())
    }
  }
}
