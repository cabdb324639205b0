// SPDX-License-Identifier: Apache-2.0

import CPLFindings

extension ReportPage {
  /// What the checks of properties came to, one row each, and the figures that they drew.
  static func checks(_ report: VerificationReport) -> Section? {
    guard !report.checks.isEmpty else { return nil }
    return Section(
      heading: "Properties",
      paragraphs: [
        "Each check holds what it measured to a bound, and puts a deliberately wrong variant, its "
          + "positive control, through the same test: that one must come out violated. Of several "
          + "measurements the row shows the one that decides; the file of results holds all."
      ],
      tables: [
        Table(
          caption: "Checks of what the theory states",
          columns: [
            "check", "verdict", "statement", "measured", "relation", "bound", "tolerance",
            "positive control", "source",
          ],
          rows: report.checks.map { check in
            let decisive = check.decisive
            return Row(
              check.id,
              [
                check.verdict.rawValue,
                check.statement + (check.verdict == .holds ? "" : " (\(check.finding))"),
                decisive.map { "\($0.quantity): \(Shown.number($0.value))" } ?? Shown.none,
                decisive?.relation.rawValue ?? Shown.none, Shown.number(decisive?.bound),
                decisive.map { "\(Shown.number($0.tolerance, digits: 3)), \($0.toleranceOrigin)" }
                  ?? Shown.none,
                check.control.map { "\(check.controlFault ?? ""): \($0.verdict.rawValue)" }
                  ?? Shown.none,
                check.source,
              ])
          })
      ],
      figures: report.checks.flatMap { check in
        check.figures.enumerated().map { $1.figure(named: "\(check.id)-\($0 + 1)") }
      })
  }

  /// The verdict on the checks, in one line.
  static func headline(_ checks: [CheckResult]) -> String {
    let word =
      switch checks.verdict {
      case .holds: "Holds"
      case .violated: "Violated"
      case .inconclusive, .notApplicable: "Inconclusive"
      }
    return "\(word): \(counts(checks))"
  }

  /// How many checks came to what.
  static func counts(_ checks: [CheckResult]) -> String {
    func count(_ verdict: CheckResult.Verdict) -> Int { checks.count { $0.verdict == verdict } }
    let held = "\(count(.holds)) of \(checks.count) checks of properties hold"
    return switch checks.verdict {
    case .holds: "\(held); \(count(.notApplicable)) are not applicable"
    case .violated: "\(held), \(count(.violated)) are violated"
    case .inconclusive, .notApplicable: "\(held), \(count(.inconclusive)) are inconclusive"
    }
  }
}
