// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A layer before the head: its Jacobian can be applied forwards.
public protocol FeatureLayer<Scalar>: Layer {
  /// J v, with J the layer's Jacobian at the input that was recorded.
  ///
  /// - Precondition: `cache` was kept with `.masks` or `.everything`.
  func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar>
}

extension FeatureLayer {
  /// The same from what was kept of a layer of whatever kind.
  ///
  /// - Precondition: `cache` comes from this layer.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, _ cache: ForwardCache, workers: Workers
  ) -> Tensor<Scalar> {
    tangent(inputTangent, from: cache.content(of: self), workers: workers)
  }
}

/// The Jacobian of a layer that is linear is the layer.
extension FeatureLayer {
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    forward(inputTangent, keeping: .nothing, workers: workers).output
  }
}

extension Layer {
  /// The layer as one whose Jacobian can be applied forwards.
  ///
  /// - Throws: `VerificationError.invalid`, which names the layer, for one whose cannot.
  package var withTangent: any FeatureLayer<Scalar> {
    get throws(VerificationError) {
      try capability("a layer with a tangent", self as? any FeatureLayer<Scalar>)
    }
  }
}
