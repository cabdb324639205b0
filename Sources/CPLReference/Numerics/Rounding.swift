// SPDX-License-Identifier: Apache-2.0

/// Binary64 arithmetic rounded towards +∞ (`up`) or −∞ (`down`), without touching the
/// floating-point mode.
///
/// Each operation returns the binary64 number nearest to the exact result on the side asked for,
/// so an exact result stays as it is: `Rounding.up.product(0.5, 2)` is 1, not 1 + ulp.
///
/// *Proof.* The operation is first done to nearest. The sign of (exact − rounded) then comes from
/// an error-free residual: Knuth's TwoSum for sums, a fused multiply-add for the others, which is
/// exact for operands that are scaled away from the underflow threshold (`residual`). If the
/// rounded result lies on the wrong side of the exact one, the exact one lies strictly between it
/// and its neighbour, which is returned.
///
/// *Overflow.* A finite exact result beyond the largest finite number gives that number or an
/// infinity, whichever is on the side asked for. Operations on infinities and NaN give what
/// IEEE 754 says.
package enum Rounding: Sendable {
  /// Towards +∞: the result is an upper bound.
  case up
  /// Towards −∞: the result is a lower bound.
  case down

  /// u = 2⁻⁵³, the unit roundoff of binary64.
  package static let unitRoundoff = 0x1p-53

  /// γ_n = n·u/(1 − n·u) rounded up; infinite from n·u = 1 on.
  ///
  /// Bounds the relative effect of n roundings (Higham, *Accuracy and Stability of Numerical
  /// Algorithms*, lemma 3.1): (1 + u)ⁿ − 1 ≤ γ_n, and n factors 1 + δ or their inverses make 1 + θ,
  /// |θ| ≤ γ_n. n·u and 1 − n·u are exact for n < 2⁵³, so only the quotient rounds.
  ///
  /// - Parameter unitRoundoff: u, a power of two of at least 2⁻⁵³.
  package static func gamma(_ n: Int, unitRoundoff: Double = unitRoundoff) -> Double {
    precondition(n >= 0, "a number of roundings is not negative")
    guard n < 1 << 53 else { return .infinity }
    let nu = Double(n) * unitRoundoff
    return nu < 1 ? up.quotient(nu, 1 - nu) : .infinity
  }

  /// a + b.
  package func sum(_ a: Double, _ b: Double) -> Double {
    let (nearest, error) = twoSum(a, b)
    guard nearest.isFinite else {
      return a.isFinite && b.isFinite ? corrected(nearest, error: -nearest) : nearest
    }
    // Next to the overflow threshold TwoSum itself may overflow; half the operands then have the
    // same residual but for a factor of two, for at least one of them is huge and the other's
    // lost bit, if it is subnormal, cannot change a sign.
    if error.isFinite { return corrected(nearest, error: error) }
    let half = nearest / 2
    let bHalf = half - a / 2
    return corrected(nearest, error: (a / 2 - (half - bHalf)) + (b / 2 - bHalf))
  }

  /// a − b.
  package func difference(_ a: Double, _ b: Double) -> Double { sum(a, -b) }

  /// a · b.
  package func product(_ a: Double, _ b: Double) -> Double {
    let nearest = a * b
    guard nearest.isFinite else {
      return a.isFinite && b.isFinite ? corrected(nearest, error: -nearest) : nearest
    }
    if nearest == 0 {
      let isExact = a == 0 || b == 0
      return isExact ? nearest : corrected(nearest, error: a.sign == b.sign ? 1 : -1)
    }
    return corrected(nearest, error: -Self.residual(nearest, minus: a, times: b))
  }

  /// a / b.
  package func quotient(_ a: Double, _ b: Double) -> Double {
    let nearest = a / b
    guard nearest.isFinite, b.isFinite else {
      // 1/0 is an exact infinity and 1/∞ an exact zero.
      let overflowed = a.isFinite && b.isFinite && b != 0
      return overflowed ? corrected(nearest, error: -nearest) : nearest
    }
    if nearest == 0 {
      return a == 0 ? nearest : corrected(nearest, error: a.sign == b.sign ? 1 : -1)
    }
    let residual = Self.residual(a, minus: nearest, times: b)
    return corrected(nearest, error: b > 0 ? residual : -residual)
  }

  /// √a; NaN for a < 0.
  package func squareRoot(_ a: Double) -> Double {
    let nearest = a.squareRoot()
    guard nearest.isFinite, nearest > 0 else { return nearest }
    return corrected(nearest, error: Self.residual(a, minus: nearest, times: nearest))
  }

  /// The binary32 number nearest to `a` on this side.
  package func float(_ a: Double) -> Float {
    let nearest = Float(a)
    switch self {
    case .up: return Double(nearest) < a ? nearest.nextUp : nearest
    case .down: return Double(nearest) > a ? nearest.nextDown : nearest
    }
  }

  /// `nearest`, or its neighbour where `error`, which has the sign of exact − nearest, says that
  /// the exact result lies on the other side.
  private func corrected(_ nearest: Double, error: Double) -> Double {
    switch self {
    case .up: error > 0 ? nearest.nextUp : nearest
    case .down: error < 0 ? nearest.nextDown : nearest
    }
  }

  /// A number with the sign of z − x·y, for x·y within a factor of two of z ≠ 0, all finite.
  ///
  /// z − x·y is a multiple of the product of the last places of x and y. For |z| ≥ 2⁻⁹⁶⁰ that
  /// product is at least 2⁻¹⁰⁷⁴, the difference has no more than 53 bits, and the fused operation
  /// is exact. Below, z and the smaller factor are first multiplied by 2²²⁰, which is exact and
  /// brings the last places above 2⁻¹⁰⁷⁴ again.
  private static func residual(_ z: Double, minus x: Double, times y: Double) -> Double {
    if z.magnitude >= 0x1p-960 { return z.addingProduct(-x, y) }
    let (small, large) = x.magnitude < y.magnitude ? (x, y) : (y, x)
    return (z * 0x1p220).addingProduct(-small * 0x1p220, large)
  }
}
