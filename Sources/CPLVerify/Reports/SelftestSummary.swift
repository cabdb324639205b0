import CPLReference
import Foundation

/// What `selftest --json` printed, for a report: which planted faults the checks saw.
public struct SelftestSummary: Decodable, Sendable {
  public struct Fault: Decodable, Sendable {
    public let id: String
    public let statement: String
    public let caught: Bool
    /// The checks that came out violated, and those that had to.
    public let caughtBy: [String]
    public let namedChecks: [String]
  }

  public let faults: [Fault]
  public let checks: [String]
  public let seeds: Int
  public let falseAlarms: Int
  public let verdict: String

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
          caption: "Faults and the checks that saw them", columns: ["fault", "what", "", "by"],
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
            caption:
              "A row a fault, a column a check. Dark: violated, as the check must be; light: "
              + "violated too; grey: not",
            characters: [], drawing: drawing)
        ])
  }

  /// An `svg` element, its colours by the page's style; the table beside it has its numbers.
  private var drawing: String {
    let (left, top, cell) = (200, 130, 18)
    let (width, height) = (left + checks.count * cell + 90, top + faults.count * cell + 10)
    var body = ""
    for (column, check) in checks.enumerated() {
      let x = left + column * cell + 13
      body += "<text transform=\"translate(\(x),\(top - 6)) rotate(-60)\">\(check.markup)</text>\n"
    }
    for (row, fault) in faults.enumerated() {
      let y = top + row * cell
      body += "<text class=\"end\" x=\"\(left - 6)\" y=\"\(y + 13)\">\(fault.id.markup)</text>\n"
      for (column, check) in checks.enumerated() {
        let isViolated = fault.caughtBy.contains(check)
        let style =
          !isViolated ? "mark" : fault.namedChecks.contains(check) ? "mark named" : "mark caught"
        body +=
          "<rect class=\"\(style)\" x=\"\(left + column * cell + 1)\" y=\"\(y + 1)\" "
          + "width=\"\(cell - 2)\" height=\"\(cell - 2)\"/>\n"
      }
    }
    return "<svg role=\"img\" viewBox=\"0 0 \(width) \(height)\" "
      + "style=\"max-width: \(width)px; min-width: \(width)px\" "
      + "aria-label=\"Planted faults and checks\">\n<title>Planted faults and checks</title>\n"
      + "<desc>\(faults.count) faults, \(checks.count) checks</desc>\n\(body)</svg>"
  }
}
