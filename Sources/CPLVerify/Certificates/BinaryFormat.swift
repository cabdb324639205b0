import CPLReference

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

  /// γ_n = n·u/(1 − n·u) rounded up; infinite from n·u = ½ on.
  ///
  /// (1 + u)ⁿ − 1 ≤ γ_n, and n factors 1 + δ or their inverses make 1 + θ, |θ| ≤ γ_n (Higham,
  /// *Accuracy and Stability of Numerical Algorithms*, lemma 3.1). n·u is exact: u is a power of
  /// two and n < 2⁵³; so is 1 − n·u in binary64.
  package func gamma(_ n: Int) -> Double {
    precondition(n >= 0, "a number of roundings is not negative")
    guard n < 1 << 53 else { return .infinity }
    let nu = Double(n) * unitRoundoff
    return nu < 0.5 ? Rounding.up.quotient(nu, 1 - nu) : .infinity
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
