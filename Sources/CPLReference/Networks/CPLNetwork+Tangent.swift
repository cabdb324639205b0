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
  public func tangent(
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

extension PaddingChannels: FeatureLayer {}
extension NormPool: FeatureLayer {}
extension Flatten: FeatureLayer {}

extension Normalize: FeatureLayer {
  /// The Jacobian is diagonal: forwards and backwards are the same.
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }
}

/// The Jacobian I − h WᵀDW of a convex potential layer is symmetric: forwards and backwards are the
/// same.
extension CPLConvolution: FeatureLayer {
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }
}

extension CPLLinear: FeatureLayer {
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }
}

/// A recorded pass through the layers before the head, whose Jacobians J can be applied, one an image.
public struct FeaturePass<Scalar: TensorScalar>: Sendable {
  /// φ, N×d.
  public let features: Tensor<Scalar>
  private let body: [any FeatureLayer<Scalar>]
  private let caches: [ForwardCache]

  /// - Precondition: every layer before the head has a tangent, as all of this library's have.
  public init(_ network: CPLNetwork<Scalar>, at images: Tensor<Scalar>, workers: Workers) {
    body = network.layers.dropLast().compactMap { $0 as? any FeatureLayer<Scalar> }
    precondition(
      body.count == network.layers.count - 1, "every layer before the head has a tangent")
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
  public func jvp(_ tangents: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    zip(body, caches).reduce(tangents) { $1.0.tangent($0, $1.1, workers: workers) }
  }

  /// Jᵀ w for each image: N×d to N×C×H×W.
  public func vjp(_ gradients: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
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
  public func jacobianDirections(
    at images: Tensor<Scalar>, iterations: Int, seed: UInt64, workers: Workers
  ) -> (vectors: Tensor<Scalar>, norms: [Double]) {
    let pass = FeaturePass(self, at: images, workers: workers)
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
