// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// S_k(z) = Σ_{i ≤ k} zⁱ/i!, the exponential's series up to its k-th power, on the imaginary axis. There
///
///     |S_k(iθ)|² = 1 + Σ_{⌊k/2⌋ < m ≤ k} a_m x^m,   a_m = (−1)^{m+k}·2·C(2m − 1, k)/(2m)!,   x = θ²
///
/// *Proof.* a_m(2m)! is the sum of (−1)^{i−m}·C(2m, i) over max(0, 2m − k) ≤ i ≤ min(k, 2m). For 0 < 2m ≤ k these are
/// all i, and the sum is 0. Beyond, Σ_{i ≤ r} (−1)ⁱ C(n, i) = (−1)^r C(n − 1, r), for r = k and r = 2m − k − 1, and
/// both binomials are C(2m − 1, k).
///
/// With p = ⌊k/2⌋ + 1 and the ratios ρ_m = −a_{m+1}/a_m = m/((2m − k)(2m − k + 1)(m + 1)), small fractions,
///
///     |S_k(iθ)|² − 1 = a_p x^p·G(x),   G(x) = 1 − ρ_p x(1 − ρ_{p+1} x(… (1 − ρ_{k−1} x)))
///
/// G(0) = 1. So for k ≡ 0 and 3 modulo 4, where a_p < 0, the series contracts from θ = 0 to G's first root; for
/// k ≡ 1 and 2 it expands at once.
///
/// It is also a Runge–Kutta method's factor of stability, of the methods of k stages and order k as far as there are
/// such: k = 4 is the classical one, with G(x) = 1 − x/8 and the well-known 2√2.
package struct TruncatedExponential: Sendable {
  /// k.
  package let terms: Int

  /// The k that are supported.
  package static let supportedTerms = 1...20

  /// - Precondition: k is supported.
  package init(terms: Int) {
    precondition(Self.supportedTerms ~= terms, "1 to 20 terms")
    self.terms = terms
  }

  /// p, the lowest power of x in |S_k(iθ)|² − 1.
  private var order: Int { terms / 2 + 1 }

  /// Whether a_p < 0.
  private var contractsAtFirst: Bool { (order + terms) % 2 == 1 }

  /// An enclosure of 1 − r_p x(1 − r_{p+1} x(… (1 − r_{k−1} x))) on [a, b], a ≥ 0, r_m being
  /// `numerator`/((2m − k)(2m − k + 1)·`denominator`).
  private func nested(
    _ x: Enclosure, _ fraction: (_ m: Int) -> (numerator: Int, denominator: Int)
  ) -> Enclosure {
    var value = Enclosure(1)
    for m in (order..<terms).reversed() {
      let (numerator, denominator) = fraction(m)
      let divisor = Double((2 * m - terms) * (2 * m - terms + 1) * denominator)
      let ratio = Enclosure(
        Rounding.down.quotient(Double(numerator), divisor),
        Rounding.up.quotient(Double(numerator), divisor))
      value = Enclosure(1) - value.scaled(by: x.scaled(by: ratio))
    }
    return value
  }

  /// An enclosure of G on [a, b], a ≥ 0.
  private func factor(_ x: Enclosure) -> Enclosure { nested(x) { ($0, $0 + 1) } }

  /// Whether |S_k(iθ)|² is monotone in θ² on [a, b], a ≥ 0, by an enclosure of its derivative: p·a_p x^{p−1} times such
  /// an expression, with the ratios (m + 1)ρ_m/m.
  private func isMonotone(_ x: Enclosure) -> Bool {
    let slope = nested(x) { _ in (1, 1) }
    return slope.lower >= 0 || slope.upper <= 0
  }

  /// An enclosure of |S_k(iθ)|² − 1 for θ² in [a, b], a ≥ 0.
  package func excess(_ x: Enclosure) -> Enclosure {
    // |a_p| x^p = 2·C(2p − 1, k)·Π_j x/((2j − 1)(2j)), and C(2p − 1, k) is 2p − 1 for even k and 1 for odd k.
    var power = Enclosure(terms % 2 == 0 ? Double(2 * (2 * order - 1)) : 2)
    for j in 1...order {
      let divisor = Double((2 * j - 1) * 2 * j)
      power = power.scaled(
        by: Enclosure(
          Rounding.down.quotient(x.lower, divisor), Rounding.up.quotient(x.upper, divisor)))
    }
    let value = factor(x).scaled(by: power)
    return contractsAtFirst ? -value : value
  }

  /// Whether |S_k(iθ)| ≤ 1 is proved for all θ in [0, `angle`], by enclosures of G on finer and finer parts.
  package func isContracting(upTo angle: Double) -> Bool {
    guard contractsAtFirst, angle >= 0, angle.isFinite else { return angle == 0 }
    var parts = [Enclosure(0, Rounding.up.product(angle, angle))]
    while let part = parts.popLast() {
      let factor = factor(part)
      if factor.lower >= 0 { continue }
      guard factor.upper >= 0, let (low, high) = part.halves else { return false }
      parts += [high, low]
    }
    return true
  }

  /// The largest θ_k, as far as `isContracting` can tell, with |S_k(iθ)| ≤ 1 proved for all θ in [0, θ_k]: 0 for
  /// k ≡ 1 and 2 modulo 4.
  package var contractingAngle: Double {
    var (proved, beyond) = (0.0, 8.0)
    guard contractsAtFirst else { return 0 }
    while beyond - proved > 1e-9 {
      let middle = (proved + beyond) / 2
      if isContracting(upTo: middle) { proved = middle } else { beyond = middle }
    }
    return proved
  }

  /// max |S_k(iθ)| over θ in [0, `angle`] ≤ the result, exactly 1 where `isContracting`.
  ///
  /// *Method.* [0, angle²] is halved until each part is one where |S_k(iθ)|² is monotone, so that its ends tell, or
  /// one where an enclosure exceeds the largest value that was found by no more than 1e-9 of its excess over 1. Beyond
  /// θ = 16, where the last power dominates, Σ θⁱ/i! instead.
  ///
  /// - Precondition: `angle` ≥ 0.
  package func modulusUpperBound(upTo angle: Double) -> Double {
    let up = Rounding.up
    guard angle <= 16 else {
      return (1...terms).reversed().reduce(1) { sum, i in
        up.sum(1, up.product(up.quotient(angle, Double(i)), sum))
      }
    }
    if isContracting(upTo: angle) { return 1 }
    var parts = [Enclosure(0, up.product(angle, angle))]
    var (found, bound) = (0.0, 0.0)
    while let part = parts.popLast() {
      let ends = [excess(Enclosure(part.lower)), excess(Enclosure(part.upper))]
      found = max(found, ends[0].lower, ends[1].lower)
      if isMonotone(part) {
        bound = max(bound, ends[0].upper, ends[1].upper)
      } else {
        let upper = excess(part).upper
        if upper > found * (1 + 1e-9), let (low, high) = part.halves {
          parts += [low, high]
        } else {
          bound = max(bound, upper)
        }
      }
    }
    return up.squareRoot(up.sum(1, bound))
  }
}

/// The real numbers from `lower` to `upper`, with operations rounded outward.
package struct Enclosure: Sendable {
  package let lower: Double
  package let upper: Double

  package init(_ lower: Double, _ upper: Double) {
    self.lower = lower
    self.upper = upper
  }

  package init(_ value: Double) { self.init(value, value) }

  package static prefix func - (value: Enclosure) -> Enclosure {
    Enclosure(-value.upper, -value.lower)
  }

  package static func - (first: Enclosure, second: Enclosure) -> Enclosure {
    Enclosure(
      Rounding.down.difference(first.lower, second.upper),
      Rounding.up.difference(first.upper, second.lower))
  }

  /// The product with numbers that are not negative.
  package func scaled(by factor: Enclosure) -> Enclosure {
    Enclosure(
      Rounding.down.product(lower, lower >= 0 ? factor.lower : factor.upper),
      Rounding.up.product(upper, upper >= 0 ? factor.upper : factor.lower))
  }

  /// Its halves; nil where no number lies between its ends, or nearly none.
  package var halves: (Enclosure, Enclosure)? {
    let middle = lower + (upper - lower) / 2
    guard upper - lower > 0x1p-44 * upper else { return nil }
    return (Enclosure(lower, middle), Enclosure(middle, upper))
  }
}

extension LipschitzBound {
  /// Lip ≤ the result for x ↦ Σ_{i ≤ k} Aⁱx/i! + b with a skew A, ‖A‖₂ ≤ θ̄.
  ///
  /// *Proof.* A real A with Aᵀ = −A is normal: in an orthonormal basis of ℂⁿ it is diagonal, with eigenvalues iθ,
  /// |θ| ≤ ‖A‖₂. So ‖S_k(A)‖₂ is the largest |S_k(iθ)|, which `TruncatedExponential` bounds over [0, θ̄] (θ and −θ
  /// are alike).
  ///
  /// - Throws: `notFinite` where θ̄, or the bound, is not.
  package static func skewSeries(
    terms: Int, spectralNormUpperBound: Double
  ) throws(VerificationError) -> Double {
    guard spectralNormUpperBound >= 0, spectralNormUpperBound.isFinite else {
      throw .notFinite(
        what: "spectral norm's upper bound", location: "the value \(spectralNormUpperBound)")
    }
    let bound = TruncatedExponential(terms: terms).modulusUpperBound(upTo: spectralNormUpperBound)
    guard bound.isFinite else {
      throw .notFinite(what: "Lipschitz bound of a skew series", location: "the value \(bound)")
    }
    return bound
  }
}
