/// A linear map W between vectors, as the convex potential layers and the power method see it.
///
/// Vectors are tensors of any shape; their order in memory is what counts.
public protocol LinearMap<Scalar>: Sendable {
  associatedtype Scalar: TensorScalar

  /// The shape of the vectors that the map takes.
  var inputShape: [Int] { get }

  /// The shape of the vectors that the map gives.
  var outputShape: [Int] { get }

  /// W x.
  func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar>

  /// Wᵀ v.
  func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar>

  /// The gradient of ⟨v, W x⟩ with respect to the weights: v xᵀ for a dense W; for a convolution
  /// the correlation of x and v at the kernel's taps.
  func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar>
}

/// Multiplication by a matrix.
public struct DenseMap<Scalar: TensorScalar>: LinearMap {
  /// W, outputs × inputs.
  public let weights: Tensor<Scalar>

  /// The map of an outputs×inputs matrix.
  public init(weights: Tensor<Scalar>) {
    precondition(weights.shape.count == 2, "a matrix has two extents")
    self.weights = weights
  }

  public var inputShape: [Int] { [weights.shape[1]] }
  public var outputShape: [Int] { [weights.shape[0]] }

  public func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let columns = weights.shape[1]
    return Tensor(shape: outputShape) { y in
      weights.withUnsafeElements { w in
        x.withUnsafeElements { x in
          for row in 0..<weights.shape[0] {
            y[row] = Scalar(Scalar.dot(columns, w + row * columns, x))
          }
        }
      }
    }
  }

  public func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    let columns = weights.shape[1]
    var x = Tensor<Scalar>(shape: inputShape)
    x.withUnsafeMutableElements { x in
      weights.withUnsafeElements { w in
        for row in 0..<weights.shape[0] {
          Scalar.add(columns, alpha: v.elements[row], w + row * columns, to: x)
        }
      }
    }
    return x
  }

  public func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    let columns = weights.shape[1]
    var gradient = Tensor<Scalar>(shape: weights.shape)
    gradient.withUnsafeMutableElements { gradient in
      x.withUnsafeElements { x in
        for row in 0..<weights.shape[0] {
          Scalar.add(columns, alpha: v.elements[row], x, to: gradient + row * columns)
        }
      }
    }
    return gradient
  }
}
