// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// An orthogonal dense layer (Trockman and Kolter, ICLR 2021): Q x + b with `CayleyTransform`'s Q of the weights W.
///
/// It keeps distances, but for the rounding of Q; with fewer outputs than inputs, those of inputs in the span of Q's
/// rows. What is executed, and bounded, is Q as it was rounded.
public struct CayleyLinear<Scalar: TensorScalar>: FeatureLayer {
  /// The input, for the gradients of the parameters.
  public typealias Cache = Tensor<Scalar>?

  public let name: String
  /// W = [U; V] as it is trained, outputs×inputs.
  public private(set) var weights: Tensor<Scalar>
  public private(set) var bias: Tensor<Scalar>
  /// Q as it is executed.
  public private(set) var orthogonal: Tensor<Scalar>

  /// How many outputs, or inputs, one piece of work holds.
  private static var unitsPerPiece: Int { 64 }

  public init(name: String, weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    (self.name, self.weights, self.bias) = (name, weights, bias)
    orthogonal = CayleyTransform(weights.converted()).orthogonal.converted()
  }

  public var inputs: Int { weights.shape[1] }
  public var outputs: Int { weights.shape[0] }
  public var inputShape: [Int] { [inputs] }
  public var outputShape: [Int] { [outputs] }

  public var specification: LayerSpecification {
    .cayleyLinear(inputs: inputs, outputs: outputs)
  }

  public var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("weights", weights), ("bias", bias)]
  }

  public mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &weights)
    body(1, &bias)
    orthogonal = CayleyTransform(weights.converted()).orthogonal.converted()
  }

  /// Executes another matrix.
  mutating func execute(_ matrix: Tensor<Scalar>) { orthogonal = matrix }

  /// What is executed is converted too, not derived again.
  public func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    var layer = CayleyLinear<Other>(
      name: name, weights: weights.converted(), bias: bias.converted())
    layer.execute(orthogonal.converted())
    return layer
  }

  public func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let output = bias.withUnsafeElements {
      product(input, transposed: true, Epilogue(addend: $0), workers: workers)
    }
    return (output, recording == .everything ? input : nil)
  }

  public func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    product(inputTangent, transposed: true, Epilogue(), workers: workers)
  }

  public func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    product(outputGradient, transposed: false, Epilogue(), workers: workers)
  }

  /// epilogue(X Qᵀ), or epilogue(X Q), for a batch X.
  private func product(
    _ batch: Tensor<Scalar>, transposed: Bool, _ epilogue: Epilogue<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let (rows, stride) = (batch.shape[0], inputs)
    let (depth, width) = transposed ? (inputs, outputs) : (outputs, inputs)
    return Tensor(shape: [rows, width]) { result in
      batch.withUnsafeElements { x in
        orthogonal.withUnsafeElements { matrix in
          nonisolated(unsafe) let (x, matrix, result, epilogue) = (x, matrix, result, epilogue)
          workers.forEachRange(of: width, by: Self.unitsPerPiece) { _, columns in
            Scalar.multiply(
              rows: 0..<rows, columns: columns, depth: depth,
              MatrixView(elements: x, stride: depth),
              MatrixView(elements: matrix, stride: stride, transposed: transposed), epilogue,
              to: result, stride: width)
          }
        }
      }
    }
  }

  /// With respect to Q and b.
  public func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let gradient = consume outputGradient
    let (batch, inputs, outputs) = (gradient.shape[0], inputs, outputs)
    let matrixGradient = Tensor<Scalar>(shape: weights.shape) { target in
      gradient.withUnsafeElements { g in
        cache!.withUnsafeElements { x in
          nonisolated(unsafe) let (target, g, x) = (target, g, x)
          workers.forEachRange(of: outputs, by: Self.unitsPerPiece) { _, units in
            Scalar.sumOuterProducts(
              rows: units, columns: 0..<inputs, images: batch,
              [OuterProducts(g, stride: outputs, x, stride: inputs)], to: target, stride: inputs)
          }
        }
      }
    }
    return (
      inputGradient(gradient, from: cache, workers: workers),
      LayerGradient(parameters: [matrixGradient, gradient.batchSum()])
    )
  }

  /// With respect to W, given that with respect to Q.
  public func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    let transform = CayleyTransform(weights.converted())
    let gradient = transform.gradient(of: sums.parameters[0].converted())
    return LayerGradient(parameters: [gradient.converted(), sums.parameters[1]])
  }
}
