// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension CPLConvolution: LipschitzBoundedLayer {
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try VerifiedSpectralNorm.convolution(
      kernel: kernel.converted(), height: image.height, width: image.width)
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.convexPotentialLayer(
      stepSize: Float(stepSize),
      spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension CPLConvolution: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    let products = try products(spectralNormUpperBound: spectralNormUpperBound)
    // A bias stands at every pixel of its plane.
    return try ForwardErrorBound.convexPotentialLayer(
      norm: norm, stepSize: Double(stepSize), spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: Rounding.up.product(bias.normUpperBound, image.planeNormUpperBound),
      positiveBiasNorm: Rounding.up.product(
        bias.positivePartNormUpperBound, image.planeNormUpperBound),
      analysis: products.forward, synthesis: products.transposed, in: BinaryFormat(Scalar.self))
  }

  /// How T y and Tᵀv are computed: `CPLKernels.h` says when it is by Winograd's algorithm.
  private func products(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> (forward: any RoundedProduct, transposed: any RoundedProduct) {
    if Scalar.self == Float.self, kernel.shape[2] == 3, image.height >= 4 {
      let map = ZeroPaddedConvolution(
        kernel: kernel.elements.map { Double($0) }, outputs: kernel.shape[0],
        inputs: kernel.shape[1], kernelSide: 3, height: image.height, width: image.width)
      return (try WinogradSums(map), try WinogradSums(map.transposed))
    }
    let sums = FusedSums.convolution(
      kernel: kernel, pixels: image.planeCount, spectralNormUpperBound: spectralNormUpperBound)
    return (sums.forward, sums.transposed)
  }
}
