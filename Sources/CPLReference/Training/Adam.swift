// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLNumerics

/// Adam (Kingma and Ba 2015, Algorithm 1) with β₁ = 0.9, β₂ = 0.999, ε = 1e-8 and no weight decay,
/// in the order of operations of PyTorch.
package struct Adam<Scalar: TensorScalar>: Optimizer {
  package static var momentNames: [(name: String, quantity: String)] {
    [("first_moment", "a gradient"), ("second_moment", "the square of a gradient")]
  }

  /// The number of updates made.
  package private(set) var step = 0
  /// First moments, a tensor a parameter, in the order of the network's layers and parameters.
  package private(set) var firstMoments: [Tensor<Scalar>]
  /// Second moments, likewise.
  package private(set) var secondMoments: [Tensor<Scalar>]

  package var moments: [[Tensor<Scalar>]] {
    get { [firstMoments, secondMoments] }
    set { (firstMoments, secondMoments) = (newValue[0], newValue[1]) }
  }

  private static var beta1: Double { 0.9 }
  private static var beta2: Double { 0.999 }
  private static var epsilon: Double { 1e-8 }

  /// The optimiser before its first update, for parameters of the given shapes.
  package init(shapes: [[Int]]) {
    firstMoments = shapes.map { Tensor(shape: $0) }
    secondMoments = firstMoments
  }

  /// The optimiser as it was stored.
  package init(step: Int, firstMoments: [Tensor<Scalar>], secondMoments: [Tensor<Scalar>]) {
    self.step = step
    self.firstMoments = firstMoments
    self.secondMoments = secondMoments
  }

  package mutating func beginStep() { step += 1 }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func update(
    _ parameter: inout Tensor<Scalar>, at index: Int, gradient: Tensor<Scalar>,
    learningRate: Double, workers: Workers
  ) {
    let adam = numbers(learningRate: learningRate)
    let count = parameter.count
    parameter.withUnsafeMutableElements { parameters in
      firstMoments[index].withUnsafeMutableElements { first in
        secondMoments[index].withUnsafeMutableElements { second in
          gradient.withUnsafeElements { gradient in
            nonisolated(unsafe) let (parameters, gradient) = (parameters, gradient)
            nonisolated(unsafe) let (first, second) = (first, second)
            workers.forEachRange(of: count, by: Self.numbersPerPiece) { _, range in
              let start = range.lowerBound
              Scalar.adamStep(
                range.count, adam, gradient: gradient + start, firstMoment: first + start,
                secondMoment: second + start, parameters: parameters + start)
            }
          }
        }
      }
    }
  }

  /// What an update takes.
  func numbers(learningRate: Double) -> cpl_adam {
    cpl_adam(
      learning_rate: learningRate, beta1: Self.beta1, beta2: Self.beta2, epsilon: Self.epsilon,
      bias_correction1: 1 - power(Self.beta1, step), bias_correction2: 1 - power(Self.beta2, step))
  }

  /// base^exponent by repeated squaring, the same on every machine.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}
