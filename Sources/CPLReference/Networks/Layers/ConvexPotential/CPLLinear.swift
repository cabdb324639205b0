// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A convex potential layer whose W is a matrix:
///
///     z = x − h Wᵀ relu(W x + b)
///
/// with W of inner×d and b of `inner`. Lipschitz constant at most max(1, h‖W‖² − 1).
package struct CPLLinear<Scalar: TensorScalar>: SteppedLayer {
  package struct Cache: Sendable {
    /// The input, for the gradients of the parameters.
    var input: Tensor<Scalar>?
    /// The activations a = relu(W x + b).
    var hidden: Tensor<Scalar>?
  }

  package let name: String
  package var stepRule: StepRule
  package var stepSize: Scalar
  package var stepNumerator: Scalar = 2
  package var stepRegularization = StepSize.regularization
  package var powerVector: Tensor<Scalar>
  /// W, inner×d.
  package private(set) var weights: Tensor<Scalar>
  /// b, one number a hidden unit.
  package private(set) var bias: Tensor<Scalar>

  /// How many of `count` hidden units, or features, one piece of work holds: two pieces a thread,
  /// since each piece packs the other factor again, of whole tiles. No sum depends on it.
  private static func unitsPerPiece(_ count: Int, _ workers: Workers) -> Int {
    max(96, (count / (2 * workers.threads) + 47) / 48 * 48)
  }

  /// The layer with matrix W and bias b.
  package init(
    name: String, weights: Tensor<Scalar>, bias: Tensor<Scalar>, stepRule: StepRule,
    stepSize: Scalar, powerVector: Tensor<Scalar>
  ) {
    self.name = name
    self.weights = weights
    self.bias = bias
    self.stepRule = stepRule
    self.stepSize = stepSize
    self.powerVector = powerVector
  }

  /// The number of hidden units.
  package var inner: Int { weights.shape[0] }
  /// d, the number of features.
  package var features: Int { weights.shape[1] }
  package var inputShape: [Int] { [features] }
  package var outputShape: [Int] { [features] }
  package static var hasPowerGradientQuirk: Bool { true }
  package var linearMap: any LinearMap<Scalar> { DenseMap(weights: weights) }

  package var specification: LayerSpecification {
    .linear(
      features: features, inner: inner,
      step: StepSize(
        rule: stepRule, value: Float(stepSize), numerator: Float(stepNumerator),
        regularization: stepRegularization))
  }

  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("weights", weights), ("bias", bias)]
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
    var cache = Cache()
    if recording == .everything { cache.input = input }
    var output = consume input
    let hidden = bias.withUnsafeElements {
      project(output, Epilogue(addend: $0, rectifies: true), workers: workers)
    }
    addTransposed(hidden, scale: -stepSize, to: &output, workers: workers)
    if recording != .nothing { cache.hidden = hidden }
    return (output, cache)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    var gradient = consume outputGradient
    let projected = gatedProjection(gradient, cache.hidden!, workers: workers)
    addTransposed(projected, scale: 1, to: &gradient, workers: workers)
    return gradient
  }

  /// With g the gradient with respect to z, a the activations and p = −h · 1[a > 0] ⊙ W g:
  ///
  ///     ∂/∂x = g + Wᵀp,   ∂/∂W = p xᵀ − h a gᵀ,   ∂/∂b = p,   ∂/∂h = −⟨a, W g⟩ = ⟨a, p⟩/h
  ///
  /// each summed over the batch.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    var gradient = consume outputGradient
    let hidden = cache.hidden!
    let batch = gradient.shape[0]
    let projected = gatedProjection(gradient, hidden, workers: workers)
    let weightGradient = weightGradient(
      input: cache.input!, projected: projected, hidden: hidden, gradient: gradient,
      workers: workers)
    let stepGradient = hidden.withUnsafeElements { a in
      projected.withUnsafeElements { p in
        BatchTree.sum(batch) { images in
          let first = images.lowerBound * inner
          return Scalar(Scalar.dot(images.count * inner, a + first, p + first)) / stepSize
        }
      }
    }
    addTransposed(projected, scale: 1, to: &gradient, workers: workers)
    return (
      gradient,
      LayerGradient(
        parameters: [weightGradient, projected.batchSum()], derived: [stepGradient])
    )
  }

  /// Pᵀ X − h Aᵀ G, sums over the batch.
  private func weightGradient(
    input: Tensor<Scalar>, projected: Tensor<Scalar>, hidden: Tensor<Scalar>,
    gradient: Tensor<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = input.shape[0]
    return Tensor(shape: weights.shape) { target in
      input.withUnsafeElements { x in
        projected.withUnsafeElements { p in
          hidden.withUnsafeElements { a in
            gradient.withUnsafeElements { g in
              nonisolated(unsafe) let (target, x, p, a, g) = (target, x, p, a, g)
              workers.forEachRange(of: inner, by: Self.unitsPerPiece(inner, workers)) { _, units in
                Scalar.sumOuterProducts(
                  rows: units, columns: 0..<features, images: batch,
                  [
                    OuterProducts(p, stride: inner, x, stride: features),
                    OuterProducts(alpha: -stepSize, a, stride: inner, g, stride: features),
                  ], to: target, stride: features)
              }
            }
          }
        }
      }
    }
  }

  /// P = −h · 1[A > 0] ⊙ G Wᵀ.
  private func gatedProjection(
    _ gradient: Tensor<Scalar>, _ hidden: Tensor<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    hidden.withUnsafeElements {
      project(
        gradient, Epilogue(alpha: -stepSize, gate: $0, gateStride: inner), workers: workers)
    }
  }

  /// epilogue(X Wᵀ) for a batch X.
  func project(
    _ batch: Tensor<Scalar>, _ epilogue: Epilogue<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let rows = batch.shape[0]
    return Tensor(shape: [rows, inner]) { hidden in
      batch.withUnsafeElements { x in
        weights.withUnsafeElements { w in
          nonisolated(unsafe) let (x, w, hidden, epilogue) = (x, w, hidden, epilogue)
          workers.forEachRange(of: inner, by: Self.unitsPerPiece(inner, workers)) { _, units in
            Scalar.multiply(
              rows: 0..<rows, columns: units, depth: features,
              MatrixView(elements: x, stride: features),
              MatrixView(elements: w, stride: features, transposed: true), epilogue, to: hidden,
              stride: inner)
          }
        }
      }
    }
  }

  /// X ← X + scale · H W for a batch H of hidden vectors.
  func addTransposed(
    _ hidden: Tensor<Scalar>, scale: Scalar, to batch: inout Tensor<Scalar>, workers: Workers
  ) {
    let rows = hidden.shape[0]
    batch.withUnsafeMutableElements { x in
      hidden.withUnsafeElements { hidden in
        weights.withUnsafeElements { w in
          nonisolated(unsafe) let (x, w, hidden) = (x, w, hidden)
          let size = Self.unitsPerPiece(features, workers)
          workers.forEachRange(of: features, by: size) { _, columns in
            Scalar.multiply(
              rows: 0..<rows, columns: columns, depth: inner,
              MatrixView(elements: hidden, stride: inner),
              MatrixView(elements: w, stride: features),
              Epilogue(alpha: scale, addend: x, addendStride: features), to: x, stride: features)
          }
        }
      }
    }
  }
}

extension CPLLinear {
  /// The Jacobian I − h WᵀDW is symmetric: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }
}
