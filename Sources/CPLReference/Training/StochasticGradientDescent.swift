// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Stochastic gradient descent with Nesterov's momentum μ and weight decay λ, in the order of operations of PyTorch:
///
///     g ← g + λp,   m ← μm + g (at first g),   p ← p − rate · (g + μm).
package struct StochasticGradientDescent<Scalar: TensorScalar>: Optimizer {
  package static var momentNames: [(name: String, quantity: String)] {
    [("momentum", "the sum of gradients")]
  }

  package private(set) var step = 0
  package var moments: [[Tensor<Scalar>]]
  /// μ.
  package let momentum: Double
  /// λ.
  package let weightDecay: Double

  /// The optimiser before its first update, for parameters of the given shapes.
  package init(shapes: [[Int]], momentum: Double, weightDecay: Double) {
    self.init(
      step: 0, moments: shapes.map { Tensor(shape: $0) }, momentum: momentum,
      weightDecay: weightDecay)
  }

  /// The optimiser as it was stored.
  package init(step: Int, moments: [Tensor<Scalar>], momentum: Double, weightDecay: Double) {
    self.step = step
    self.moments = [moments]
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  package mutating func beginStep() { step += 1 }

  /// The share of a moment that stays: what the first step keeps is its gradient, with whatever μ.
  var keptShare: Scalar { step == 1 ? 0 : Scalar(momentum) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func update(
    _ parameter: inout Tensor<Scalar>, at index: Int, gradient: Tensor<Scalar>,
    learningRate: Double, workers: Workers
  ) {
    let (rate, decay) = (Scalar(learningRate), Scalar(weightDecay))
    let (momentum, kept) = (Scalar(momentum), keptShare)
    let count = parameter.count
    parameter.withUnsafeMutableElements { parameters in
      moments[0][index].withUnsafeMutableElements { moments in
        gradient.withUnsafeElements { gradient in
          nonisolated(unsafe) let (parameters, gradient) = (parameters, gradient)
          nonisolated(unsafe) let moments = moments
          workers.forEachRange(of: count, by: Self.numbersPerPiece) { _, range in
            for number in range {
              let slope = gradient[number] + decay * parameters[number]
              let moment = kept * moments[number] + slope
              moments[number] = moment
              parameters[number] -= rate * (slope + momentum * moment)
            }
          }
        }
      }
    }
  }
}
