// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension CayleyLinear: LipschitzBoundedLayer {
  /// Of Q as it is executed: 1 up to its rounding.
  public func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try VerifiedSpectralNorm.dense(orthogonal.converted())
  }

  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { spectralNorm?.upperBound ?? .infinity }
}

extension CayleyLinear: ForwardErrorBoundedLayer {
  /// fl(fl(Q y) + b): with ε the error of the chains, ε + u(σ̄X̂ + ‖b‖ + ε).
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let (up, format) = (Rounding.up, BinaryFormat(Scalar.self))
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    let error = try FusedSums.dense(
      inputs: inputs, outputs: outputs, spectralNormUpperBound: spectralNormUpperBound
    ).errorBound(norm: norm, in: format)
    let output = up.sum(
      up.sum(up.product(spectralNormUpperBound, norm), bias.normUpperBound), error)
    try format.require(output, "outputs of a layer")
    return up.sum(error, up.product(format.unitRoundoff, output))
  }
}
