// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension CPLLinear: LipschitzBoundedLayer {
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try VerifiedSpectralNorm.dense(weights.converted())
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.convexPotentialLayer(
      stepSize: Float(stepSize),
      spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension CPLLinear: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    return try ForwardErrorBound.convexPotentialLayer(
      norm: norm, stepSize: Double(stepSize), spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: bias.normUpperBound, positiveBiasNorm: bias.positivePartNormUpperBound,
      analysis: FusedSums.dense(
        inputs: features, outputs: inner, spectralNormUpperBound: spectralNormUpperBound),
      synthesis: FusedSums.dense(
        inputs: inner, outputs: features, spectralNormUpperBound: spectralNormUpperBound),
      in: BinaryFormat(Scalar.self))
  }
}
