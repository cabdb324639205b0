// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension NormPool: LipschitzBoundedLayer {
  /// The windows are disjoint and a row has s² entries 1/s: the rows are orthonormal.
  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }
}

extension NormPool: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try ForwardErrorBound.normPool(
      norm: norm, window: window, elements: outputShape.reduce(1, *),
      in: BinaryFormat(Scalar.self))
  }
}
