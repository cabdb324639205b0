// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics

/// A layer that knows how much its rounding can change its output. A layer without this conformance
/// has no `sound` certificate.
public protocol ForwardErrorBoundedLayer {
  /// ‖F̃(y) − F(y)‖₂ ≤ the result for every y of the layer's precision with ‖y‖₂ ≤ `norm`, F̃ the
  /// layer as it is executed, F the real map with the same constants.
  ///
  /// - Parameter spectralNorm: the enclosure of ‖W‖₂ of a layer that has a W.
  /// - Throws: `notFinite` when the evaluation might overflow.
  func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double
}

/// A head that knows how much its rounding can change each logit.
public protocol LogitErrorBoundedHead {
  /// For each class an upper bound of the logit's rounding error, for every y of the head's
  /// precision with ‖y‖₂ ≤ `norm`.
  ///
  /// - Throws: `notFinite` when the evaluation might overflow.
  func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double]
}

extension Layer {
  /// The layer as one that knows its rounding errors.
  ///
  /// - Throws: `VerificationError.invalid`, which names the layer, for one that does not.
  package var errorBounded: any ForwardErrorBoundedLayer {
    get throws(VerificationError) {
      try capability(
        "a layer with a bound of its rounding error", self as? any ForwardErrorBoundedLayer)
    }
  }

  /// The layer as a head that knows its rounding errors.
  ///
  /// - Throws: `VerificationError.invalid`, which names the layer, for one that does not.
  package var logitErrorBounded: any LogitErrorBoundedHead {
    get throws(VerificationError) {
      try capability(
        "a head with a bound of its rounding error", self as? any LogitErrorBoundedHead)
    }
  }
}

extension ImageShape {
  /// √(HW) ≤ the result: the norm of a plane of ones.
  package var planeNormUpperBound: Double { Rounding.up.squareRoot(Double(planeCount)) }
}
