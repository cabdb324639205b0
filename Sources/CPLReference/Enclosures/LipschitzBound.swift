// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Upper bounds of Lipschitz constants with respect to the Euclidean norm (soundness.md, sections
/// 3 and 4), every operation rounded up.
///
/// They speak of the layers as real maps whose constants (step, std, scale) are the very numbers
/// that are executed; the rounding of an evaluation is the certificates' matter.
package enum LipschitzBound {
  /// The 1e-4 that training and evaluation add to σ², as stored in binary64.
  package static let stepRegularization = 1e-4

  /// Lip ≤ the result for z = x − h·Wᵀσ(Wx + b), σ any non-decreasing 1-Lipschitz activation, b any
  /// bias, W a matrix or a convolution with ‖W‖₂ ≤ σ̄.
  ///
  /// *Proof.* Where it exists the Jacobian is I − hWᵀDW, symmetric, D diagonal in [0, 1], so its
  /// eigenvalues lie in [1 − h‖W‖₂², 1], and Lip ≤ max(1, hσ̄² − 1). With q = RU(h·RU(σ̄²)) the
  /// result is exactly 1 for q ≤ 2, and RU(q − 1) otherwise.
  ///
  /// - Parameters:
  ///   - stepSize: h ≥ 0, the binary32 number that the forward pass multiplies by.
  ///   - spectralNormUpperBound: σ̄ ≥ 0.
  /// - Throws: `notFinite` or `invalid` for other numbers.
  package static func convexPotentialLayer(
    stepSize: Float, spectralNormUpperBound: Double
  ) throws(VerificationError) -> Double {
    try requireNonNegative(Double(stepSize), "step size")
    try requireNonNegative(spectralNormUpperBound, "spectral norm's upper bound")
    if stepSize == 0 { return 1 }
    let square = Rounding.up.product(spectralNormUpperBound, spectralNormUpperBound)
    let spread = Rounding.up.product(Double(stepSize), square)
    return spread <= 2 ? 1 : Rounding.up.difference(spread, 1)
  }

  /// The step h = RD₃₂(c/RU(σ̄² + ε)) of the corrected profile; c = 2 and ε = 1e-4 in the paper.
  ///
  /// *Postcondition* for c ≤ 2. h·σ̄² ≤ 2, and `convexPotentialLayer` returns exactly 1 for h and σ̄. *Proof.*
  /// Let S = RU(σ̄²) and D = RU(S + ε) ≥ S. Both roundings of the quotient are downwards, so
  /// h ≤ c/D and h·S ≤ cS/D ≤ 2 in exact arithmetic; 2 is a binary64 number, so RU(h·S) ≤ 2 as
  /// well. h ≥ 0; it is 0, and the layer the identity, where c/D is below the binary32 range.
  ///
  /// - Parameters:
  ///   - spectralNormUpperBound: σ̄ ≥ 0.
  ///   - numerator: c > 0.
  ///   - regularization: ε > 0.
  /// - Throws: `notFinite` or `invalid` for other numbers.
  package static func verifiedStep(
    spectralNormUpperBound: Double, numerator: Double = 2,
    regularization: Double = stepRegularization
  ) throws(VerificationError) -> Float {
    try requireNonNegative(spectralNormUpperBound, "spectral norm's upper bound")
    let square = Rounding.up.product(spectralNormUpperBound, spectralNormUpperBound)
    let denominator = Rounding.up.sum(square, regularization)
    return Rounding.down.float(Rounding.down.quotient(numerator, denominator))
  }

  /// Lip ≤ the result for x ↦ (x − mean)/std by channel: RU(1/min std), exactly 1 for std = 1.
  ///
  /// - Parameter standardDeviations: the binary32 numbers that are executed, all positive.
  /// - Throws: `invalid` for an empty list and for numbers that are not positive, `notFinite`.
  package static func normalization(
    standardDeviations: [Float]
  ) throws(VerificationError) -> Double {
    for (channel, deviation) in standardDeviations.enumerated() {
      guard deviation.isFinite else {
        throw .notFinite(what: "standard deviation", location: "channel \(channel)")
      }
      guard deviation > 0 else {
        throw .invalid(
          what: "standard deviation of channel \(channel)", expected: "a positive number",
          found: "\(deviation)")
      }
    }
    guard let least = standardDeviations.min() else {
      throw .invalid(
        what: "standard deviations", expected: "one a channel", found: "an empty list")
    }
    return Rounding.up.quotient(1, Double(least))
  }

  /// Lip ≤ the result for channels repeated `copies` times and divided by `divisor`, the executed
  /// number that stands for √copies: RU(RU√copies / divisor), which may exceed 1 by its rounding.
  ///
  /// - Throws: `invalid` unless both are positive, `notFinite` for the divisor.
  package static func clonePadding(copies: Int, divisor: Double) throws(VerificationError) -> Double
  {
    try requirePositive(copies, "number of copies")
    try requireNonNegative(divisor, "divisor of the cloned channels")
    guard divisor > 0 else {
      throw .invalid(
        what: "divisor of the cloned channels", expected: "a positive number", found: "\(divisor)")
    }
    // A count below 2⁵³ is exact, and no memory holds more copies.
    return Rounding.up.quotient(Rounding.up.squareRoot(Double(copies)), divisor)
  }

  /// Lip ≤ the result for the "mean" head, which multiplies the mean of `group` features by
  /// `factor`, the executed number that stands for √(features/classes).
  ///
  /// *Proof.* An output is factor/group times a sum over `group` coordinates, the windows are
  /// disjoint: the rows are orthogonal with norm factor/√group.
  ///
  /// - Throws: `invalid` unless the group has a feature and the factor is not negative, `notFinite`.
  package static func meanPooling(group: Int, factor: Double) throws(VerificationError) -> Double {
    try requirePositive(group, "number of features of a class")
    try requireNonNegative(factor, "factor of the mean")
    return Rounding.up.quotient(factor, Rounding.down.squareRoot(Double(group)))
  }

  /// Lip ≤ the result for a composition: the product of its layers' bounds, rounded up at each
  /// step; exactly 1 for none.
  ///
  /// - Throws: `notFinite` or `invalid` for a bound that is not a number ≥ 0, and `notFinite`
  ///   for a product beyond the largest binary64 number.
  package static func composition(_ layerBounds: [Double]) throws(VerificationError) -> Double {
    var product = 1.0
    for (layer, bound) in layerBounds.enumerated() {
      try requireNonNegative(bound, "Lipschitz bound of layer \(layer)")
      product = Rounding.up.product(product, bound)
      guard product.isFinite else {
        throw .notFinite(
          what: "product of the layers' Lipschitz bounds", location: "layer \(layer)")
      }
    }
    return product
  }

  private static func requireNonNegative(
    _ value: Double, _ what: String
  ) throws(VerificationError) {
    guard value.isFinite else { throw .notFinite(what: what, location: "the value \(value)") }
    guard value >= 0 else {
      throw .invalid(what: what, expected: "a number ≥ 0", found: "\(value)")
    }
  }

  private static func requirePositive(_ value: Int, _ what: String) throws(VerificationError) {
    guard value > 0 else {
      throw .invalid(what: what, expected: "at least 1", found: "\(value)")
    }
  }
}
