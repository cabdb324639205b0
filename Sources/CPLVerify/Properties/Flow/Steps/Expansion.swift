// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

/// By how much a map stretches the distance of two points, ‖S(x) − S(y)‖/‖x − y‖.
package struct Expansion: Sendable {
  /// A computed ratio, not larger than that of the computed images.
  package let ratio: Double
  /// How much larger than the exact map's ratio it may be: the images' error bounds over the
  /// distance of the points.
  package let tolerance: Double

  /// The expansion of `map` between `x` and `y`.
  package init(of map: ([Double]) throws -> Evaluation, _ x: [Double], _ y: [Double]) rethrows {
    let (first, second) = (try map(x), try map(y))
    let before = EnclosedDistance(x, y)
    let after = EnclosedDistance(first.value, second.value)
    // The lower bound of a sum that is NaN is 0, the upper one keeps it.
    ratio =
      after.upperBound.isNaN
      ? .nan : Rounding.down.quotient(after.lowerBound, before.upperBound)
    tolerance = Rounding.up.quotient(
      Rounding.up.sum(first.errorBound, second.errorBound), before.lowerBound)
  }
}

extension [Expansion] {
  /// The expansion that exceeds its tolerance most, held to `bound`.
  package func measurement(
    _ quantity: String, atMost bound: Double = 1, from origin: String
  ) throws(VerificationError) -> Measurement {
    try Measurement(
      quantity, worstOf: map { ($0.ratio, $0.tolerance) }, .atMost, bound, from: origin)
  }
}

extension Measurement {
  /// The largest tolerance, as a share of what is measured, with which a check still tells anything:
  /// a hundredth of the fault of 0.1 % that must not hide.
  package static let widestTolerance = 1e-5

  /// The value that lies farthest beyond its own tolerance (`atMost`) or falls short of it most.
  ///
  /// - Throws: `enclosureNotFound` when a tolerance is not finite or beyond `widestTolerance`.
  package init(
    _ quantity: String, worstOf cases: [(value: Double, tolerance: Double)], _ relation: Relation,
    _ bound: Double, from origin: String
  ) throws(VerificationError) {
    for (_, tolerance) in cases where !(tolerance <= Self.widestTolerance) {
      throw .enclosureNotFound(
        what: quantity,
        reason:
          "its error bound, \(tolerance), is beyond \(Self.widestTolerance) and would hide faults")
    }
    let sign = relation == .atMost ? 1.0 : -1.0
    let worst =
      cases.first { $0.value.isNaN }
      ?? cases.max { sign * $0.value - $0.tolerance < sign * $1.value - $1.tolerance }
    self.init(
      quantity, worst?.value ?? .nan, relation, bound, tolerance: worst?.tolerance ?? 0,
      from: origin, cases: cases.count)
  }
}
