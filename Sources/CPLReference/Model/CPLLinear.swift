/// A convex potential layer whose W is a matrix:
///
///     z = x − h Wᵀ relu(W x + b)
///
/// with W of inner×d and b of `inner`. Lipschitz constant at most max(1, h‖W‖² − 1).
public struct CPLLinear<Scalar: TensorScalar>: ConvexPotentialLayer {
  public let name: String
  public var stepRule: StepRule
  public var stepSize: Scalar
  public var powerVector: Tensor<Scalar>
  /// W, inner×d.
  public private(set) var weights: Tensor<Scalar>
  /// b, one number a hidden unit.
  public private(set) var bias: Tensor<Scalar>

  /// How many hidden units, or features, one piece of work holds. Each product is cut at the same
  /// places for any number of threads, so this number is part of "same seed, same bytes".
  private static var unitsPerPiece: Int { 256 }

  /// The layer with matrix W and bias b.
  public init(
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
  public var inner: Int { weights.shape[0] }
  /// d, the number of features.
  public var features: Int { weights.shape[1] }
  public var inputShape: [Int] { [features] }
  public var outputShape: [Int] { [features] }
  public var linearMap: any LinearMap<Scalar> { DenseMap(weights: weights) }

  public var specification: LayerSpecification {
    .linear(
      features: features, inner: inner,
      step: StepSize(rule: stepRule, value: Float(stepSize)))
  }

  public var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("weights", weights), ("bias", bias)]
  }

  public mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &weights)
    body(1, &bias)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, record: LayerRecord<Scalar>) {
    var record = LayerRecord<Scalar>()
    if recording == .everything { record.input = input }
    var output = input
    let hidden = bias.withUnsafeElements { bias in
      nonisolated(unsafe) let bias = bias
      return project(output, workers: workers) { units, row in
        for unit in units { row[unit] = positivePart(row[unit] + bias[unit]) }
      }
    }
    addTransposed(hidden, scale: -stepSize, to: &output, workers: workers)
    if recording != .nothing { record.hidden = hidden }
    return (output, record)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    var gradient = outputGradient
    var projected = project(gradient, workers: workers)
    mask(&projected, by: record.hidden!)
    addTransposed(projected, scale: 1, to: &gradient, workers: workers)
    return gradient
  }

  /// With g the gradient with respect to z, a the activations and p = −h · 1[a > 0] ⊙ W g:
  ///
  ///     ∂/∂x = g + Wᵀp,   ∂/∂W = p xᵀ − h a gᵀ,   ∂/∂b = p,   ∂/∂h = −⟨a, W g⟩
  ///
  /// each summed over the batch.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func backward(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    var gradient = outputGradient
    let input = record.input!
    let hidden = record.hidden!
    let batch = gradient.shape[0]
    var projected = project(gradient, workers: workers)
    let stepGradient = -projected.withUnsafeElements { projected in
      hidden.withUnsafeElements { Scalar.dot(hidden.count, $0, projected) }
    }
    mask(&projected, by: hidden)
    let weightGradient = Tensor<Scalar>(shape: weights.shape) { target in
      gradient.withUnsafeElements { gradients in
        input.withUnsafeElements { inputs in
          hidden.withUnsafeElements { hidden in
            projected.withUnsafeElements { projected in
              nonisolated(unsafe) let (target, gradients, inputs) = (target, gradients, inputs)
              nonisolated(unsafe) let (hidden, projected) = (hidden, projected)
              workers.forEachRange(of: inner, by: Self.unitsPerPiece) { _, units in
                for (a, scale, b, beta) in [
                  (projected, Scalar(1), inputs, Scalar(0)), (hidden, -stepSize, gradients, 1),
                ] {
                  Scalar.multiply(
                    transposeA: true, transposeB: false, rows: units.count, columns: features,
                    depth: batch, alpha: scale, a + units.lowerBound, lda: inner, b, ldb: features,
                    beta: beta, target + units.lowerBound * features, ldc: features)
                }
              }
            }
          }
        }
      }
    }
    var biasGradient = Tensor<Scalar>(shape: [inner])
    for row in 0..<batch {
      for unit in 0..<inner {
        biasGradient.elements[unit] += projected.elements[row * inner + unit]
      }
    }
    addTransposed(projected, scale: 1, to: &gradient, workers: workers)
    return (
      gradient, LayerGradient(parameters: [weightGradient, biasGradient], step: stepGradient)
    )
  }

  /// X Wᵀ for a batch X, then `finish` on some units of each row while they are near.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func project(
    _ batch: Tensor<Scalar>, workers: Workers,
    finish: @Sendable (_ units: Range<Int>, _ row: UnsafeMutablePointer<Scalar>) -> Void = { _, _ in
    }
  ) -> Tensor<Scalar> {
    let rows = batch.shape[0]
    return Tensor(shape: [rows, inner]) { hidden in
      batch.withUnsafeElements { x in
        weights.withUnsafeElements { w in
          nonisolated(unsafe) let (x, w, hidden) = (x, w, hidden)
          workers.forEachRange(of: inner, by: Self.unitsPerPiece) { _, units in
            Scalar.multiply(
              transposeA: false, transposeB: true, rows: rows, columns: units.count,
              depth: features, alpha: 1, x, lda: features, w + units.lowerBound * features,
              ldb: features, beta: 0, hidden + units.lowerBound, ldc: inner)
            for row in 0..<rows { finish(units, hidden + row * inner) }
          }
        }
      }
    }
  }

  /// X ← X + scale · H W for a batch H of hidden vectors.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func addTransposed(
    _ hidden: Tensor<Scalar>, scale: Scalar, to batch: inout Tensor<Scalar>, workers: Workers
  ) {
    let rows = hidden.shape[0]
    batch.withUnsafeMutableElements { x in
      hidden.withUnsafeElements { hidden in
        weights.withUnsafeElements { w in
          nonisolated(unsafe) let (x, w, hidden) = (x, w, hidden)
          workers.forEachRange(of: features, by: Self.unitsPerPiece) { _, columns in
            Scalar.multiply(
              transposeA: false, transposeB: false, rows: rows, columns: columns.count,
              depth: inner, alpha: scale, hidden, lda: inner, w + columns.lowerBound,
              ldb: features, beta: 1, x + columns.lowerBound, ldc: features)
          }
        }
      }
    }
  }

  /// values ← −h · 1[activations > 0] ⊙ values.
  private func mask(_ values: inout Tensor<Scalar>, by activations: Tensor<Scalar>) {
    let scale = -stepSize
    let count = values.count
    values.withUnsafeMutableElements { values in
      activations.withUnsafeElements { activations in
        for index in 0..<count {
          values[index] = activations[index] > 0 ? scale * values[index] : 0
        }
      }
    }
  }
}
