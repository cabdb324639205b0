// SPDX-License-Identifier: Apache-2.0

import CPLFindings

/// Which checks see which planted faults, a row a fault and a column a check: what terminal, drawing
/// and page show.
package struct FaultGrid {
  /// What a check comes to.
  package enum Mark: String, CaseIterable {
    /// Violated, as a check that is named for the fault must be.
    case named = "●"
    /// Violated too.
    case another = "○"
    case inconclusive = "?"
    case holds = "·"
    case notApplicable = " "

    init(_ verdict: CheckResult.Verdict, isNamed: Bool) {
      self =
        switch verdict {
        case .violated: isNamed ? .named : .another
        case .inconclusive: .inconclusive
        case .holds: .holds
        case .notApplicable: .notApplicable
        }
    }

    var words: String {
      switch self {
      case .named: "violated, a check named for the fault"
      case .another: "violated, another"
      case .inconclusive, .holds: "\(self)"
      case .notApplicable: "not applicable"
      }
    }
  }

  package struct Row {
    package let name: String
    package let marks: [Mark]
    /// Whether a check that is named for the fault saw it; nil for a row without a fault.
    package var isCaught: Bool?
  }

  package let checks: [String]
  package let rows: [Row]

  /// - Parameters:
  ///   - unfaulted: all checks without a fault, once for each seed.
  ///   - faults: all checks of each fault.
  package init(
    checks: [String], unfaulted: [[CheckResult]],
    faults: [(id: String, namedChecks: [String], results: [CheckResult], isCaught: Bool)]
  ) {
    func marks(_ results: [CheckResult], named: [String] = []) -> [Mark] {
      results.map { Mark($0.verdict, isNamed: named.contains($0.id)) }
    }
    self.checks = checks
    rows =
      unfaulted.map {
        Row(name: "none, seed \($0.first?.seed ?? 0)", marks: marks($0))
      }
      + faults.map {
        Row(name: $0.id, marks: marks($0.results, named: $0.namedChecks), isCaught: $0.isCaught)
      }
  }

  /// Of what was not violated the summary does not tell what else it was.
  package init(_ summary: SelftestSummary) {
    checks = summary.checks
    rows = summary.faults.map { fault in
      Row(
        name: fault.id,
        marks: summary.checks.map {
          Mark(
            fault.caughtBy.contains($0) ? .violated : .holds,
            isNamed: fault.namedChecks.contains($0))
        }, isCaught: fault.caught)
    }
  }

  /// What the marks mean.
  package static var legend: String {
    Mark.allCases.dropLast().map { "\($0.rawValue) \($0.words)" }.joined(separator: "; ")
  }

  /// An `svg` element. On a page its colours are by the page's style.
  ///
  /// - Parameter isFile: whether it is a file of its own, with its own style.
  package func drawing(isFile: Bool) -> String {
    let (left, top, cell) = (200, 130, 18)
    let (width, height) = (left + checks.count * cell + 90, top + rows.count * cell + 10)
    var body = ""
    for (column, check) in checks.enumerated() {
      let x = left + column * cell + 13
      body += "<text transform=\"translate(\(x),\(top - 6)) rotate(-60)\">\(check.markup)</text>\n"
    }
    for (position, row) in rows.enumerated() {
      let y = top + position * cell
      body += "<text class=\"end\" x=\"\(left - 6)\" y=\"\(y + 13)\">\(row.name.markup)</text>\n"
      for (column, mark) in row.marks.enumerated() {
        body +=
          "<rect class=\"mark \(mark)\" x=\"\(left + column * cell + 1)\" y=\"\(y + 1)\" "
          + "width=\"\(cell - 2)\" height=\"\(cell - 2)\"><title>\(row.name.markup), "
          + "\(checks[column].markup): \(mark.words)</title></rect>\n"
      }
    }
    return "<svg \(isFile ? "xmlns=\"http://www.w3.org/2000/svg\" " : "")role=\"img\" "
      + "viewBox=\"0 0 \(width) \(height)\" class=\"wide\" "
      + "aria-label=\"Planted faults and checks\">\n<title>Planted faults and checks</title>\n"
      + "<desc>\(rows.count) rows, \(checks.count) checks</desc>\n"
      + "\(isFile ? Self.style : "")\(body)</svg>\n"
  }

  private static let style = """
    <style>text { font: 11px system-ui, sans-serif; fill: #57606a } .end { text-anchor: end }
    .named { fill: #b3261e } .another { fill: #e8a19c } .inconclusive { fill: #d4a72c }
    .holds { fill: #dfe7e1 } .notApplicable { fill: none }</style>

    """
}
