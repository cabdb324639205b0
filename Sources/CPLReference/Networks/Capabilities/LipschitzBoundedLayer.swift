// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A layer that knows an upper bound of its Lipschitz constant. A layer without this conformance
/// cannot be certified.
public protocol LipschitzBoundedLayer {
  /// A verified enclosure of ‖W‖₂, computed from the stored binary32 weights; nil for a layer
  /// without a linear map of its own.
  func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure?

  /// An upper bound of the layer's ℓ2 Lipschitz constant as a real map with the numbers that are
  /// executed.
  ///
  /// - Parameter spectralNorm: what `spectralNorm()` gave.
  func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double
}

extension LipschitzBoundedLayer {
  public func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? { nil }
}

extension Layer {
  /// The layer as one that knows its Lipschitz constant.
  ///
  /// - Throws: `VerificationError.invalid`, which names the layer, for one that does not.
  package var bounded: any LipschitzBoundedLayer {
    get throws(VerificationError) {
      try capability("a layer with a Lipschitz bound", self as? any LipschitzBoundedLayer)
    }
  }
}
