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
    multiply(x, transposed: false)
  }

  public func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    multiply(v, transposed: true)
  }

  public func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    let (rows, columns) = (weights.shape[0], weights.shape[1])
    return Tensor(shape: [rows, columns]) { gradient in
      x.withUnsafeElements { x in
        v.withUnsafeElements { v in
          Scalar.multiply(
            transposeA: false, transposeB: false, rows: rows, columns: columns, depth: 1,
            alpha: 1, v, lda: 1, x, ldb: columns, beta: 0, gradient, ldc: columns)
        }
      }
    }
  }

  private func multiply(_ x: Tensor<Scalar>, transposed: Bool) -> Tensor<Scalar> {
    let (rows, columns) = (weights.shape[0], weights.shape[1])
    return Tensor(shape: transposed ? inputShape : outputShape) { y in
      weights.withUnsafeElements { w in
        x.withUnsafeElements { x in
          Scalar.multiply(
            transposeA: transposed, rows: rows, columns: columns, alpha: 1, w, lda: columns, x,
            beta: 0, y)
        }
      }
    }
  }
}
