// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension SOCConvolution: LipschitzBoundedLayer {
  /// Of A, with the kernel that is executed.
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try VerifiedSpectralNorm.convolution(
      kernel: kernel.converted(), height: image.height, width: image.width)
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.skewSeries(
      terms: series.terms, spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension SOCConvolution: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    return try ForwardErrorBound.skewSeries(
      norm: norm, terms: series.terms, spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: Rounding.up.product(bias.normUpperBound, image.planeNormUpperBound),
      product: try product(spectralNormUpperBound: spectralNormUpperBound),
      in: BinaryFormat(Scalar.self))
  }

  /// How A w is computed: `CPLKernels.h` says when it is by Winograd's algorithm.
  private func product(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> any RoundedProduct {
    if Scalar.self == Float.self, kernel.shape[2] == 3, image.height >= 4 {
      return try WinogradSums(
        ZeroPaddedConvolution(
          kernel: kernel.elements.map { Double($0) }, outputs: kernel.shape[0],
          inputs: kernel.shape[1], kernelSide: 3, height: image.height, width: image.width))
    }
    return FusedSums.convolution(
      kernel: kernel, pixels: image.planeCount, spectralNormUpperBound: spectralNormUpperBound
    ).forward
  }
}

extension ForwardErrorBound {
  /// Σ_{i ≤ k} Aⁱx/i! + b as `SkewSeries` executes it, w_{i−1} = fl(x ± fl(1/i) fl(A w_i)), from w_k = x.
  ///
  /// *Proof.* Let W_i ≥ ‖w_i‖ for the exact values, and e_i the norm of the computed ones' error, e_k = 0. The computed
  /// w_i has norm at most W_i + e_i; with c the product's error there, fl(A w_i) errs by q = θ̄e_i + c. As fl(1/i) errs
  /// by u/i at most and the exact A w_i has norm θ̄W_i at most, fl(1/i) fl(A w_i) errs by p = (1 + u)q/i + uθ̄W_i/i.
  /// The exact sum has norm W_{i−1} = X̂ + θ̄W_i/i at most, and is rounded once, together with the product before it:
  /// e_{i−1} = p + u(W_{i−1} + p) + η₀-terms. The bias likewise, once.
  ///
  /// - Parameters:
  ///   - norm: X̂.
  ///   - terms: k.
  ///   - spectralNormUpperBound: θ̄ ≥ ‖A‖₂.
  ///   - biasNorm: ≥ ‖b‖₂, b as it is added to all pixels.
  ///   - product: how A w is computed.
  /// - Throws: `notFinite` when the evaluation might overflow.
  static func skewSeries(
    norm: Double, terms: Int, spectralNormUpperBound: Double, biasNorm: Double,
    product: any RoundedProduct, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let up = Rounding.up
    let underflow = format.underflow(roundings: 1, elements: product.elements)
    var (value, error) = (norm, 0.0)
    for i in (1...terms).reversed() {
      let divisor = Double(i)
      let productError = up.sum(
        up.product(spectralNormUpperBound, error),
        try product.errorBound(norm: up.sum(value, error), in: format))
      let exact = up.quotient(up.product(spectralNormUpperBound, value), divisor)
      let termError = up.sum(
        up.quotient(up.product(up.sum(1, format.unitRoundoff), productError), divisor),
        up.product(format.unitRoundoff, exact))
      value = up.sum(norm, exact)
      error = up.sum(
        up.sum(termError, up.product(format.unitRoundoff, up.sum(value, termError))), underflow)
      try format.require(up.sum(value, error), "sums of a series")
    }
    let output = up.sum(up.sum(value, error), biasNorm)
    try format.require(output, "outputs of a layer")
    return up.sum(error, up.product(format.unitRoundoff, output))
  }
}
