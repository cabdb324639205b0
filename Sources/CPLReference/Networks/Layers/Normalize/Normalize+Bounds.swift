// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension Normalize: LipschitzBoundedLayer {
  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.normalization(standardDeviations: standardDeviation)
  }
}

extension Normalize: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try ForwardErrorBound.normalization(
      norm: norm,
      meanNorm: Rounding.up.product(
        EuclideanNorm.upperBound(mean.map { Double($0) }), image.planeNormUpperBound),
      lipschitz: lipschitzUpperBound(spectralNorm), elements: image.count,
      in: BinaryFormat(Scalar.self))
  }
}
