// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct CertifyCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certify",
    abstract: "Gives each test image the radius within which its class is certified.")

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var deviceOptions: DeviceOptions
  @OptionGroup var certificates: FurtherCertificateOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func validate() throws { try certificates.check(results) }

  func run() throws {
    let file = try certificates.file(results)
    var judgement = try Judgement(
      weights, dataOptions, certificates.division.place(results), options,
      certificate: certificates.certificate, shard: certificates.division.shard,
      localPlan: certificates.plan(), device: try deviceOptions.chosen(options))
    let journal = try judgement.certify(certificates, in: file)
    try judgement.finish(journal, in: file) { report in
      if options.json {
        try Output.line(try report.json(.certify))
      } else if let table = report.certificates {
        try Output.opening(of: report)
        try show(table)
      }
    }
  }

  /// Significant digits of the table's numbers.
  private static let digits = 6

  /// A radius with the class that it belongs to, each kind its own; all numbers rounded down.
  private func show(_ certificates: CertificateTable) throws {
    let kinds = certificates.kinds
    func text(_ number: Double?) -> String { Rounding.down.text(number, digits: Self.digits) }
    var table = TextTable(["index", "label", "margin"] + kinds.flatMap { ["class", $0.rawValue] })
    for row in 0..<certificates.count {
      table.add(
        ["\(certificates.indices[row])", "\(certificates.labels[row])"]
          + [text(certificates.margins[row])]
          + kinds.flatMap { kind in
            let prediction = certificates.predictions(of: kind)[row]
            return [prediction < 0 ? "–" : "\(prediction)", text(certificates.radii[kind]?[row])]
          })
    }
    try Output.table(table)
    if let line = certificates.searchedText { try Output.line("local: \(line)") }
    let nonFinite = certificates.nonFiniteRows
    if !nonFinite.isEmpty {
      try Output.line(
        "not finite: the logits of \(nonFinite.count) images, which count as wrong: "
          + nonFinite.map { "\(certificates.indices[$0])" }.joined(separator: ", "))
    }
  }
}
