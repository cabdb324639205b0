// SPDX-License-Identifier: Apache-2.0

import CPLFindings

extension CheckResult {
  /// The verdict on a check's findings.
  package init(_ check: some PropertyCheck, seed: UInt64, _ findings: Findings) {
    let verdicts = findings.measurements.map(\.verdict)
    let controlIsCaught = findings.control.measurement.verdict == .violated
    let (verdict, reason): (Verdict, String?) =
      if verdicts.contains(.violated) {
        (.violated, nil)
      } else if verdicts.isEmpty || verdicts.contains(.inconclusive) {
        (.inconclusive, "nothing was measured, or not a number")
      } else if !controlIsCaught {
        (.inconclusive, "the positive control was not caught: \(findings.control.fault)")
      } else {
        (.holds, nil)
      }
    self.init(
      id: check.id, statement: check.statement, source: check.source, seed: seed,
      verdict: verdict, measurements: findings.measurements, control: findings.control,
      reason: reason, figures: findings.figures)
  }

  /// A check that came to no findings.
  package init(_ check: some PropertyCheck, seed: UInt64, _ verdict: Verdict, reason: String) {
    self.init(
      id: check.id, statement: check.statement, source: check.source, seed: seed,
      verdict: verdict, measurements: [], control: nil, reason: reason, figures: [])
  }
}
