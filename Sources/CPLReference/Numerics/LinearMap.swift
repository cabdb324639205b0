// SPDX-License-Identifier: Apache-2.0

/// A linear map W between vectors, as the convex potential layers and the power method see it.
///
/// Vectors are tensors of any shape; their order in memory is what counts.
public protocol LinearMap<Scalar>: Sendable {
  /// The format that it computes in.
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

  /// gradient ← gradient + scale · Σ of the weight gradients of pairs (x, v), each operation rounded:
  /// the same bits as by `weightGradient` and sums of tensors.
  func addWeightGradients(
    _ pairs: [(input: Tensor<Scalar>, output: Tensor<Scalar>)], scale: Scalar,
    to gradient: inout Tensor<Scalar>, workers: Workers)
}

extension LinearMap {
  public func addWeightGradients(
    _ pairs: [(input: Tensor<Scalar>, output: Tensor<Scalar>)], scale: Scalar,
    to gradient: inout Tensor<Scalar>, workers: Workers
  ) {
    guard let first = pairs.first else { return }
    var sum = weightGradient(input: first.input, output: first.output)
    for pair in pairs.dropFirst() {
      sum.add(weightGradient(input: pair.input, output: pair.output), scale: 1)
    }
    sum.scale(by: scale)
    gradient.add(sum, scale: 1)
  }
}

/// Multiplication by a matrix.
public struct DenseMap<Scalar: TensorScalar>: LinearMap {
  /// W, outputs × inputs.
  public let weights: Tensor<Scalar>

  /// How many rows of the matrix one piece of work holds.
  private static var rowsPerPiece: Int { 64 }

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
    var gradient = Tensor<Scalar>(shape: weights.shape)
    addWeightGradients([(x, v)], scale: 1, to: &gradient, workers: .serial)
    return gradient
  }

  /// Row by row, so that no other matrix is written.
  public func addWeightGradients(
    _ pairs: [(input: Tensor<Scalar>, output: Tensor<Scalar>)], scale: Scalar,
    to gradient: inout Tensor<Scalar>, workers: Workers
  ) {
    let (rows, columns) = (weights.shape[0], weights.shape[1])
    gradient.withUnsafeMutableElements { gradient in
      nonisolated(unsafe) let gradient = gradient
      workers.forEachRange(of: rows, by: Self.rowsPerPiece) { _, range in
        var (sum, term) = (Tensor<Scalar>(shape: [columns]), Tensor<Scalar>(shape: [columns]))
        sum.withUnsafeMutableElements { sum in
          term.withUnsafeMutableElements { term in
            /// sum ← sum + factor · x by way of the term, so that both operations round.
            func add(
              _ factor: Scalar, _ x: UnsafePointer<Scalar>, to sum: UnsafeMutablePointer<Scalar>
            ) {
              Tensor.clear(term, columns)
              Scalar.add(columns, alpha: factor, x, to: term)
              Scalar.add(columns, alpha: 1, term, to: sum)
            }
            for row in range {
              Tensor.clear(sum, columns)
              for (input, output) in pairs {
                input.withUnsafeElements { add(output.elements[row], $0, to: sum) }
              }
              add(scale, sum, to: gradient + row * columns)
            }
          }
        }
      }
    }
  }
}
