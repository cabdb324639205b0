// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The head "LLN": Q x + b with rows q_i = w_i / max(‖w_i‖, 1e-12).
///
/// As a vector map it is not 1-Lipschitz. Between the classes i and j the margin moves by at most
/// ‖q_i − q_j‖ times what the input moves, which is what certificates use.
package struct LastLayerNormalised<Scalar: TensorScalar>: Layer {
  /// The input, for the gradients of the parameters.
  package typealias Cache = Tensor<Scalar>?

  package let name: String
  /// W before normalisation, classes×d.
  package private(set) var weights: Tensor<Scalar> {
    didSet { normalized = Self.normalize(weights) }
  }
  /// b, one number a class.
  package private(set) var bias: Tensor<Scalar>
  /// The rows q_i and the norms ‖w_i‖ they were divided by, in the arithmetic of `Scalar`.
  package private(set) var normalized: (rows: Tensor<Scalar>, norms: [Scalar])

  /// The least number that a row is divided by.
  static var tiny: Scalar { 1e-12 }

  /// The head with rows w_i before normalisation.
  package init(name: String, weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    self.name = name
    self.weights = weights
    self.bias = bias
    normalized = Self.normalize(weights)
  }

  package var classes: Int { weights.shape[0] }
  package var features: Int { weights.shape[1] }
  package var inputShape: [Int] { [features] }
  package var outputShape: [Int] { [classes] }

  package var specification: LayerSpecification {
    .lastLayerNormalised(features: features, classes: classes)
  }

  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("weight", weights), ("bias", bias)]
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &weights)
    body(1, &bias)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    let output = Tensor<Scalar>(shape: [batch, classes]) { output in
      input.withUnsafeElements { x in
        normalized.rows.withUnsafeElements { rows in
          bias.withUnsafeElements { bias in
            Scalar.multiply(
              rows: 0..<batch, columns: 0..<classes, depth: features,
              MatrixView(elements: x, stride: features),
              MatrixView(elements: rows, stride: features, transposed: true),
              Epilogue(addend: bias), to: output, stride: classes)
          }
        }
      }
    }
    return (output, recording == .everything ? input : nil)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    return Tensor(shape: [batch, features]) { gradient in
      outputGradient.withUnsafeElements { g in
        normalized.rows.withUnsafeElements { rows in
          Scalar.multiply(
            rows: 0..<batch, columns: 0..<features, depth: classes,
            MatrixView(elements: g, stride: classes), MatrixView(elements: rows, stride: features),
            Epilogue(), to: gradient, stride: features)
        }
      }
    }
  }

  /// With respect to the unit rows q_i, and the bias.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let batch = outputGradient.shape[0]
    let rowGradient = Tensor<Scalar>(shape: weights.shape) { target in
      outputGradient.withUnsafeElements { g in
        cache!.withUnsafeElements { x in
          Scalar.sumOuterProducts(
            rows: 0..<classes, columns: 0..<features, images: batch,
            [OuterProducts(g, stride: classes, x, stride: features)], to: target, stride: features)
        }
      }
    }
    let biasGradient = outputGradient.batchSum()
    return (
      inputGradient(outputGradient, from: cache, workers: workers),
      LayerGradient(parameters: [rowGradient, biasGradient])
    )
  }

  /// With ∂q_i the gradient with respect to row i: ∂w_i = (∂q_i − q_i⟨q_i, ∂q_i⟩)/‖w_i‖.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    sums.parameters[0].withUnsafeMutableElements { target in
      normalized.rows.withUnsafeElements { rows in
        for index in 0..<classes {
          let row = rows + index * features
          let gradient = target + index * features
          let along = Scalar(Scalar.dot(features, row, gradient))
          for feature in 0..<features {
            gradient[feature] = (gradient[feature] - along * row[feature]) / normalized.norms[index]
          }
        }
      }
    }
    return sums
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func normalize(
    _ weights: Tensor<Scalar>
  ) -> (rows: Tensor<Scalar>, norms: [Scalar]) {
    let (classes, features) = (weights.shape[0], weights.shape[1])
    var norms: [Scalar] = []
    let rows = Tensor<Scalar>(shape: weights.shape) { rows in
      weights.withUnsafeElements { weights in
        for index in 0..<classes {
          let row = weights + index * features
          let norm = max(Scalar(Scalar.dot(features, row, row).squareRoot()), tiny)
          norms.append(norm)
          for feature in 0..<features { rows[index * features + feature] = row[feature] / norm }
        }
      }
    }
    return (rows, norms)
  }
}

extension LastLayerNormalised: ClassificationHead {
  package var unitRows: Tensor<Scalar>? { normalized.rows }
}
