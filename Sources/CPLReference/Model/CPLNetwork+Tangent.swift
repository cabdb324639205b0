/// A layer before the head: its Jacobian can be applied forwards.
public protocol FeatureLayer<Scalar>: Layer {
  /// J v, with J the layer's Jacobian at the input that was recorded.
  ///
  /// - Precondition: `record` was recorded with `.masks` or `.everything`.
  func tangent(
    _ inputTangent: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar>
}

/// The Jacobian of a layer that is linear is the layer.
extension FeatureLayer {
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    forward(inputTangent, recording: .nothing, workers: workers).output
  }
}

extension PaddingChannels: FeatureLayer {}
extension NormPool: FeatureLayer {}
extension Flatten: FeatureLayer {}

extension Normalize: FeatureLayer {
  /// The Jacobian is diagonal: forwards and backwards are the same.
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, record, workers: workers)
  }
}

/// The Jacobian I − h WᵀDW of a convex potential layer is symmetric: forwards and backwards are the
/// same.
extension CPLConvolution: FeatureLayer {
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, record, workers: workers)
  }
}

extension CPLLinear: FeatureLayer {
  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, record, workers: workers)
  }
}

extension CPLNetwork {
  /// For each image a lower bound of ‖J‖₂, J the Jacobian at that image of the map to the features,
  /// by `iterations` steps of the power method on JᵀJ; also a lower bound of the network's
  /// Lipschitz constant.
  ///
  /// ‖J v‖/‖v‖ is a lower bound for every v; what is returned is that quotient as evaluated, within
  /// the rounding of an evaluation.
  ///
  /// - Parameter seed: what the first v comes from.
  public func jacobianNorms(
    at images: Tensor<Scalar>, iterations: Int, seed: UInt64, workers: Workers
  ) -> [Double] {
    let body = layers.dropLast().compactMap { $0 as? any FeatureLayer<Scalar> }
    precondition(body.count == layers.count - 1, "every layer before the head has a tangent")
    let batch = images.shape[0]
    var values = images
    var records: [LayerRecord<Scalar>] = []
    for layer in body {
      let (output, record) = layer.forward(values, recording: .masks, workers: workers)
      values = output
      records.append(record)
    }
    var vector = Self.unitRows(
      Tensor(
        shape: images.shape,
        elements: (0..<batch).flatMap {
          Self.randomUnitVector(shape: inputShape, seed: seed, stream: UInt32($0)).elements
        })
    ).rows
    var norms: [Double] = []
    for _ in 0..<iterations {
      let pushed = zip(body, records).reduce(vector) {
        $1.0.tangent($0, $1.1, workers: workers)
      }
      norms = Self.unitRows(pushed).norms
      let pulled = zip(body, records).reversed().reduce(pushed) {
        $1.0.inputGradient($0, $1.1, workers: workers)
      }
      vector = Self.unitRows(pulled).rows
    }
    return norms
  }

  /// Each row divided by its length, and the lengths. A row of zeros stays.
  private static func unitRows(_ batch: Tensor<Scalar>) -> (rows: Tensor<Scalar>, norms: [Double]) {
    let stride = batch.count / batch.shape[0]
    var rows = batch
    let norms = rows.withUnsafeMutableElements { elements in
      (0..<batch.shape[0]).map { row in
        let start = elements + row * stride
        let norm = Scalar.dot(stride, start, start).squareRoot()
        guard norm > 0 else { return 0.0 }
        for index in 0..<stride { start[index] /= Scalar(norm) }
        return norm
      }
    }
    return (rows, norms)
  }
}
