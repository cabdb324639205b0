// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// What `selftest --json` printed, for a report: which planted faults the checks saw.
public struct SelftestSummary: Decodable, Sendable {
  package struct Fault: Decodable, Sendable {
    package let id: String
    package let statement: String
    package let caught: Bool
    /// The checks that came out violated, and those that had to.
    package let caughtBy: [String]
    package let namedChecks: [String]
  }

  package let faults: [Fault]
  package let checks: [String]
  package let seeds: Int
  package let falseAlarms: Int
  package let verdict: String

  /// Reads what the command printed.
  ///
  /// - Parameter path: what the text was read from, for messages.
  /// - Throws: `ReferenceError.invalid` for anything else.
  public init(json: String, path: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      self = try decoder.decode(SelftestSummary.self, from: Data(json.utf8))
    } catch {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "what 'selftest --json' prints",
        found: "something else")
    }
  }

  var section: ReportPage.Section {
    ReportPage.Section(
      heading: "Planted faults",
      paragraphs: [
        "Do the checks see what is wrong? \(faults.count { $0.caught }) of \(faults.count) faults that "
          + "were planted on purpose were caught by a check that is named for them, with "
          + "\(falseAlarms) false alarms in \(seeds) runs without a fault: \(verdict). These results "
          + "are of 'selftest', and not in the file of results."
      ],
      tables: [
        ReportPage.Table(
          caption: "Faults and the checks that saw them", columns: ["fault", "what", "seen", "by"],
          rows: faults.map {
            ReportPage.Row(
              $0.id,
              [
                $0.statement, $0.caught ? "caught" : "NOT CAUGHT",
                $0.caughtBy.joined(separator: ", "),
              ])
          })
      ],
      figures: faults.isEmpty || checks.isEmpty
        ? []
        : [
          ReportPage.Figure(
            name: "faults",
            caption:
              "A row a fault, a column a check. Dark: violated, as the check must be; light: "
              + "violated too; grey: not",
            drawing: FaultGrid(self).drawing(isFile: false), isWide: true)
        ])
  }
}
