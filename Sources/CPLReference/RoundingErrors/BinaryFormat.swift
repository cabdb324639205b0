// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A binary floating-point format as error bounds see it (IEEE 754, to nearest, gradual underflow):
/// for a product, a quotient or a fused a·b + c that does not overflow
///
///     fl(x) = x(1 + δ) + η,   |δ| ≤ u,   |η| ≤ η₀
///
/// and for a sum the same with η = 0, because a sum below the normal range is exact.
package struct BinaryFormat: Equatable, Sendable {
  /// u: 2⁻²⁴ in binary32, 2⁻⁵³ in binary64.
  package let unitRoundoff: Double
  /// η₀, taken as the least positive number, twice what rounding to nearest can lose.
  package let underflow: Double
  /// The largest finite number.
  package let greatest: Double

  /// The format of a kind of scalar.
  package init<Scalar: TensorScalar>(_ type: Scalar.Type) {
    unitRoundoff = Double(Scalar.ulpOfOne) / 2
    underflow = Double(Scalar.leastNonzeroMagnitude)
    greatest = Double(Scalar.greatestFiniteMagnitude)
  }

  /// γ_n of this format; infinite where it reaches 1.
  package func gamma(_ n: Int) -> Double {
    let bound = Rounding.gamma(n, unitRoundoff: unitRoundoff)
    return bound < 1 ? bound : .infinity
  }

  /// What `roundings` underflows in each of `elements` numbers can add to their norm, amplified by
  /// later roundings: at most 2·roundings·elements·η₀.
  ///
  /// The counts stay below 2⁵⁰, so that the product is exact.
  package func underflow(roundings: Int, elements: Int) -> Double {
    Rounding.up.product(2 * Double(roundings) * Double(elements), underflow)
  }

  /// Refuses a magnitude that this format might not hold: error bounds speak of evaluations that
  /// do not overflow.
  package func require(_ magnitude: Double, _ what: String) throws(VerificationError) {
    guard magnitude < greatest else {
      throw .notFinite(what: what, location: "the bound \(magnitude)")
    }
  }
}
