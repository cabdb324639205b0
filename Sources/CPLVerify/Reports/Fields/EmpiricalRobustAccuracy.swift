// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates

/// The share of images classified correctly for which attacks found no image of another class within a
/// radius: an upper limit of the robust accuracy.
struct EmpiricalRobustAccuracy {
  let share: ObservedShare
  /// What attacked.
  let attack: String
}

extension VerificationReport {
  /// The share that the strongest evaluation left; nil where nothing was attacked.
  func empiricalRobustAccuracy(at epsilon: Epsilon) -> EmpiricalRobustAccuracy? {
    let summary = accuracies
    for (shares, name) in [
      (summary?.autoattackAccuracy, "AutoAttack"), (summary?.pgdAccuracy, "the paper's PGD"),
    ] {
      if let share = ObservedShare(shares?[epsilon], of: summary?.images ?? 0) {
        return EmpiricalRobustAccuracy(share: share, attack: name)
      }
    }
    guard let audit, audit.certified > 0 else { return nil }
    let left = audit.images.count { $0.prediction == $0.label && $0.distance > epsilon.value }
    return ObservedShare(hits: left, of: audit.images.count).map {
      EmpiricalRobustAccuracy(share: $0, attack: "the audit's attacks")
    }
  }
}
