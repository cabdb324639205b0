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

  private func show(_ certificates: CertificateTable) throws {
    let kinds = certificates.kinds
    var table = TextTable(["index", "label", "prediction", "margin"] + kinds.map(\.rawValue))
    for row in 0..<certificates.count {
      let integers = [
        certificates.indices[row], certificates.labels[row], certificates.predictions[row],
      ]
      let numbers = [certificates.margins[row]] + kinds.compactMap { certificates.radii[$0]?[row] }
      table.add(integers.map(String.init) + numbers.map { Output.number($0) })
    }
    try Output.table(table)
  }
}
