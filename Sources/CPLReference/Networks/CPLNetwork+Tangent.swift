// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A recorded pass through the layers before the head, whose Jacobians J can be applied, one an image.
package struct FeaturePass<Scalar: TensorScalar>: Sendable {
  /// φ, N×d.
  package let features: Tensor<Scalar>
  private let body: [any FeatureLayer<Scalar>]
  private let caches: [ForwardCache]

  /// - Throws: `VerificationError.invalid` for a layer before the head without a tangent.
  package init(
    _ network: CPLNetwork<Scalar>, at images: Tensor<Scalar>, workers: Workers
  ) throws(VerificationError) {
    var body: [any FeatureLayer<Scalar>] = []
    for layer in network.layers.dropLast() { body.append(try layer.withTangent) }
    self.body = body
    var values = images
    var caches: [ForwardCache] = []
    for layer in body {
      let (output, cache) = layer.forward(values, recording: .masks, workers: workers)
      values = output
      caches.append(cache)
    }
    (features, self.caches) = (values, caches)
  }

  /// J v for each image: N×C×H×W to N×d.
  package func jvp(_ tangents: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    zip(body, caches).reduce(tangents) { $1.0.tangent($0, $1.1, workers: workers) }
  }

  /// Jᵀ w for each image: N×d to N×C×H×W.
  package func vjp(_ gradients: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    zip(body, caches).reversed().reduce(gradients) {
      $1.0.inputGradient($0, $1.1, workers: workers)
    }
  }
}

extension CPLNetwork {
  /// For each image a unit vector v that J, the Jacobian at that image of the map to the features,
  /// enlarges the most, as far as `iterations` steps of the power method on JᵀJ find it.
  ///
  /// - Parameter seed: what the first v comes from.
  /// - Returns: the vectors N×C×H×W, and ‖J v‖ of the last step but the final normalisation: up to
  ///   rounding a lower bound of ‖J‖₂, and so of the network's Lipschitz constant.
  /// - Throws: `VerificationError.invalid` for a layer before the head without a tangent.
  package func jacobianDirections(
    at images: Tensor<Scalar>, iterations: Int, seed: UInt64, workers: Workers
  ) throws(VerificationError) -> (vectors: Tensor<Scalar>, norms: [Double]) {
    let pass = try FeaturePass(self, at: images, workers: workers)
    var vectors = Tensor(
      shape: images.shape,
      elements: (0..<images.shape[0]).flatMap {
        Self.randomUnitVector(shape: inputShape, seed: seed, stream: UInt32($0)).elements
      })
    var norms = [Double](repeating: 0, count: images.shape[0])
    for _ in 0..<iterations {
      var pushed = pass.jvp(vectors, workers: workers)
      norms = pushed.normalizeRows()
      vectors = pass.vjp(pushed, workers: workers)
      _ = vectors.normalizeRows()
    }
    return (vectors, norms)
  }
}
