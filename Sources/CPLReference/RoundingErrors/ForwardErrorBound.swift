// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// Bounds of the rounding error of one layer (soundness.md, section 5): for every input y that the
/// format holds with ‖y‖₂ ≤ X̂ the layer as it is executed, F̃, and as a real map with the same
/// constants, F, satisfy ‖F̃(y) − F(y)‖₂ ≤ the result.
///
/// Every operation of a bound is rounded up. The order of the layers' operations is the one that
/// `CPLKernels.h` and the layers state.
package enum ForwardErrorBound {
  /// A convex potential layer, executed as a = relu(fl(fl(Wy) + b)), z = fma(−h, fl(Wᵀa), y).
  ///
  /// *Proof.* With ε = `analysis`'s error at X̂, the preactivations err by at most
  /// t = ε + u(σ̄X̂ + β + ε) in norm; relu does not enlarge that, and is exact. The computed
  /// activations have norm at most ρ = σ̄X̂ + β₊ + t, for relu(Wy + b) ≤ relu(Wy) + relu(b). With
  /// s = `synthesis`'s error at ρ, fl(Wᵀa) errs by σ̄t + s at most and has norm at most
  /// R = σ̄ρ + s. The last operation rounds once, relative to a number of norm at most X̂ + hR:
  ///
  ///     ‖F̃(y) − F(y)‖ ≤ h(σ̄t + s) + u(X̂ + hR) + η₀-terms
  ///
  /// - Parameters:
  ///   - norm: X̂.
  ///   - stepSize: h ≥ 0, as executed.
  ///   - spectralNormUpperBound: σ̄ ≥ ‖W‖₂.
  ///   - biasNorm: β ≥ ‖b‖₂, b as it is added to all hidden units.
  ///   - positiveBiasNorm: β₊ ≥ ‖relu(b)‖₂.
  ///   - analysis: how Wy is computed.
  ///   - synthesis: how Wᵀa is computed.
  /// - Throws: `notFinite` when the evaluation might overflow.
  package static func convexPotentialLayer(
    norm: Double, stepSize: Double, spectralNormUpperBound: Double, biasNorm: Double,
    positiveBiasNorm: Double, analysis: any RoundedProduct, synthesis: any RoundedProduct,
    in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let up = Rounding.up
    let productError = try analysis.errorBound(norm: norm, in: format)
    let projected = up.product(spectralNormUpperBound, norm)
    let preactivation = up.sum(up.sum(projected, biasNorm), productError)
    try format.require(preactivation, "preactivations of a layer")
    let hiddenError = up.sum(productError, up.product(format.unitRoundoff, preactivation))

    let hidden = up.sum(up.sum(projected, positiveBiasNorm), hiddenError)
    let sumError = try synthesis.errorBound(norm: hidden, in: format)
    let residualError = up.sum(up.product(spectralNormUpperBound, hiddenError), sumError)
    let residual = up.sum(up.product(spectralNormUpperBound, hidden), sumError)
    let output = up.sum(norm, up.product(stepSize, residual))
    try format.require(output, "outputs of a layer")
    return up.sum(
      up.sum(up.product(stepSize, residualError), up.product(format.unitRoundoff, output)),
      format.underflow(roundings: 1, elements: synthesis.elements))
  }

  /// An affine layer fl(fl(Py) + b): with ε = `product`'s error at X̂ the sum rounds a vector of norm σ̄X̂ + β + ε at
  /// most, so that the layer errs by ε + u(σ̄X̂ + β + ε).
  ///
  /// - Parameters:
  ///   - norm: X̂.
  ///   - spectralNormUpperBound: σ̄ ≥ ‖P‖₂.
  ///   - biasNorm: β ≥ ‖b‖₂, b as it is added to all outputs.
  ///   - product: how Py is computed.
  package static func affineLayer(
    norm: Double, spectralNormUpperBound: Double, biasNorm: Double, product: any RoundedProduct,
    in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let up = Rounding.up
    let error = try product.errorBound(norm: norm, in: format)
    let output = up.sum(up.sum(up.product(spectralNormUpperBound, norm), biasNorm), error)
    try format.require(output, "outputs of a layer")
    return up.sum(error, up.product(format.unitRoundoff, output))
  }

  /// (y − mean)/std, a difference and a quotient: |F̃(y) − F(y)| ≤ γ₂|F(y)| + η₀ element by element,
  /// and ‖F(y)‖ ≤ L(X̂ + ‖mean‖), L = 1/min std.
  ///
  /// - Parameters:
  ///   - norm: X̂.
  ///   - meanNorm: an upper bound of the norm of the means of all pixels.
  ///   - lipschitz: L.
  ///   - elements: the number of pixels, all channels together.
  package static func normalization(
    norm: Double, meanNorm: Double, lipschitz: Double, elements: Int, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let centred = Rounding.up.sum(norm, meanNorm)
    try format.require(centred, "centred images")
    return try elementwise(
      roundings: 2, norm: Rounding.up.product(lipschitz, centred), elements: elements, in: format)
  }

  /// A sum of a window's pixels in any order and a division: an output with s² terms is rounded at
  /// most s² times, so |F̃(y) − F(y)| ≤ γ_{s²}·F(|y|) + η₀, and ‖F(|y|)‖ ≤ ‖y‖ because F's rows are
  /// orthonormal.
  package static func normPool(
    norm: Double, window: Int, elements: Int, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    // Before the division the sums are `window` times as large.
    try format.require(Rounding.up.product(2 * Double(window), norm), "sums of pooled pixels")
    return try elementwise(
      roundings: window * window, norm: norm, elements: elements, in: format)
  }

  /// Operations on each element by itself, or sums of terms of one sign: |F̃(y) − F(y)| ≤
  /// γ_r·g + η₀ for some vector g with ‖g‖ ≤ `norm`.
  package static func elementwise(
    roundings: Int, norm: Double, elements: Int, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    try format.require(Rounding.up.product(2, norm), "outputs of a layer")
    return Rounding.up.sum(
      Rounding.up.product(format.gamma(roundings), norm),
      format.underflow(roundings: roundings, elements: elements))
  }

  /// One logit fl(fl(⟨q, y⟩) + b) of a normalised last layer: with ε the error of the chain, whose
  /// prefixes have norm ‖q‖ at most, ε + u(‖q‖X̂ + |b| + ε).
  package static func logit(
    norm: Double, rowNorm: Double, bias: Double, features: Int, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let up = Rounding.up
    let chain = FusedSums(terms: features, elements: 1, prefixNorm: rowNorm)
    let error = try chain.errorBound(norm: norm, in: format)
    let logit = up.sum(up.sum(up.product(rowNorm, norm), bias.magnitude), error)
    try format.require(logit, "logits")
    return up.sum(error, up.product(format.unitRoundoff, logit))
  }

  /// One logit fl(f · fl(Σ y/k)) of a "mean" head: k roundings in the sum and the quotient, one in
  /// the product, of terms f|y_i|/k whose sum is at most (f/√k)X̂. An underflow in the quotient is
  /// multiplied by f.
  ///
  /// - Parameters:
  ///   - lipschitz: an upper bound of f/√k.
  ///   - factor: f.
  ///   - group: k.
  package static func meanLogit(
    norm: Double, lipschitz: Double, factor: Double, group: Int, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let up = Rounding.up
    // The sum itself is √k X̂ at most, and k ≥ √k.
    try format.require(up.product(2 * Double(group), norm), "sums of a mean")
    let rounding = try elementwise(
      roundings: group + 1, norm: up.product(lipschitz, norm), elements: 1, in: format)
    return up.sum(rounding, up.product(2 * factor, format.underflow))
  }
}
