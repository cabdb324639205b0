// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// How a linear map y ↦ Ay is computed: every element of the result is a chain
///
///     t₀ = 0,   t_k = fma(a_k, y_k, t_{k−1})
///
/// of `terms` fused operations, in an order of the terms that all elements share (`CPLKernels.h`
/// states it). After k steps the elements hold the image A⁽ᵏ⁾y of y under a *prefix* of the map.
///
/// The classical bound of the error, γ_n‖|A|‖‖y‖, loses the signs of A; ‖|A|‖ is some 20 times
/// ‖A‖ for a dense layer. A chain errs only by what its partial sums make it err, and their norms are
/// bounded by those of the prefixes, which keep the signs.
package struct FusedSums: RoundedProduct, Equatable {
  /// n, the length of a chain.
  package let terms: Int
  /// The number of elements of the result.
  package let elements: Int
  /// τ ≥ ‖A⁽ᵏ⁾‖₂ for every k.
  package let prefixNorm: Double

  package init(terms: Int, elements: Int, prefixNorm: Double) {
    self.terms = terms
    self.elements = elements
    self.prefixNorm = prefixNorm
  }

  /// ‖fl(Ay) − Ay‖₂ ≤ the result for every y with ‖y‖₂ ≤ `norm`: γ_n·τ·norm, and underflow.
  ///
  /// *Proof.* Let ε_k be the norm of the error after k steps, all elements together. The step errs
  /// by at most u|t̃_{k−1} + a_k y_k| + η₀ in each element, and t̃_{k−1} + a_k y_k differs from the
  /// exact A⁽ᵏ⁾y by ε_{k−1} at most. Hence ε_k ≤ (1 + u)ε_{k−1} + uτ‖y‖ + √m·η₀ and
  /// ε_n ≤ ((1 + u)ⁿ − 1)τ‖y‖ + n(1 + u)ⁿ√m·η₀, with (1 + u)ⁿ ≤ 2 where γ_n is finite.
  ///
  /// Every partial sum stays within τ‖y‖ + ε_n.
  ///
  /// - Throws: `notFinite` when a partial sum might overflow.
  package func errorBound(
    norm: Double, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let scale = Rounding.up.product(prefixNorm, norm)
    let error = Rounding.up.sum(
      Rounding.up.product(format.gamma(terms), scale),
      format.underflow(roundings: terms, elements: elements))
    try format.require(Rounding.up.sum(scale, error), "partial sums of a layer")
    return error
  }
}

extension FusedSums {
  /// W y for a dense W (outputs×inputs), summed over the inputs in order; the transpose likewise.
  ///
  /// A prefix is W with its last columns set to zero, a product with a projection: ‖W⁽ᵏ⁾‖ ≤ ‖W‖.
  package static func dense(
    inputs: Int, outputs: Int, spectralNormUpperBound: Double
  ) -> FusedSums {
    FusedSums(terms: inputs, elements: outputs, prefixNorm: spectralNormUpperBound)
  }

  /// T y and Tᵀv for the convolution T with a kernel inner×C×k×k′, summed channel by channel, and in a
  /// channel tap by tap. Products with padding are exact zeros.
  ///
  /// *Prefixes.* Within channel c a prefix is T P, P the projection on the channels before c, plus
  /// a part of c's taps; by Young's inequality the latter maps y_c to a vector of norm at most
  /// s_c‖y_c‖, s_c² = Σ_i (Σ_ab |K[i, c, a, b]|)². The two parts act on different channels, so that
  /// ‖T⁽ᵏ⁾y‖ ≤ σ̄‖Py‖ + s_c‖y_c‖ ≤ √(σ̄² + s_c²)·‖y‖ (Cauchy and Schwarz). For Tᵀ the inner channels
  /// take the place of c, and s_i² = Σ_c (Σ_ab |K[i, c, a, b]|)².
  ///
  /// - Parameters:
  ///   - kernel: finite weights.
  ///   - pixels: of a plane of the result.
  package static func convolution<Scalar: TensorScalar>(
    kernel: Tensor<Scalar>, pixels: Int, spectralNormUpperBound: Double
  ) -> (forward: FusedSums, transposed: FusedSums) {
    let (inner, channels) = (kernel.shape[0], kernel.shape[1])
    let taps = kernel.shape[2] * kernel.shape[3]
    var innerSquares = [Double](repeating: 0, count: inner)
    var channelSquares = [Double](repeating: 0, count: channels)
    for pair in 0..<inner * channels {
      let sum = kernel.elements[pair * taps..<(pair + 1) * taps].reduce(0.0) {
        Rounding.up.sum($0, Double($1.magnitude))
      }
      let square = Rounding.up.product(sum, sum)
      innerSquares[pair / channels] = Rounding.up.sum(innerSquares[pair / channels], square)
      channelSquares[pair % channels] = Rounding.up.sum(channelSquares[pair % channels], square)
    }
    let square = Rounding.up.product(spectralNormUpperBound, spectralNormUpperBound)
    func prefixNorm(_ parts: [Double]) -> Double {
      Rounding.up.squareRoot(Rounding.up.sum(square, parts.max() ?? 0))
    }
    return (
      FusedSums(
        terms: channels * taps, elements: inner * pixels, prefixNorm: prefixNorm(channelSquares)),
      FusedSums(
        terms: inner * taps, elements: channels * pixels, prefixNorm: prefixNorm(innerSquares))
    )
  }
}
