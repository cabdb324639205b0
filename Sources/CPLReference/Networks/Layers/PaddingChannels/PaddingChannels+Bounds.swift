// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension PaddingChannels: LipschitzBoundedLayer {
  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    guard padding == .clone else { return 1 }
    return try LipschitzBound.clonePadding(
      copies: copies, divisor: Double(cloneDivisor))
  }
}

extension PaddingChannels: ForwardErrorBoundedLayer {
  /// Zeros and copies are exact; clones are rounded once, by the division.
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    guard padding == .clone else { return 0 }
    return try ForwardErrorBound.elementwise(
      roundings: 1, norm: Rounding.up.product(lipschitzUpperBound(spectralNorm), norm),
      elements: outputShape.reduce(1, *), in: BinaryFormat(Scalar.self))
  }
}
