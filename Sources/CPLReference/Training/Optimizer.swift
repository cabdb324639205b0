// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

/// What moves parameters by their gradients.
package protocol Optimizer<Scalar>: Sendable {
  associatedtype Scalar: TensorScalar

  /// What is kept of each parameter from update to update: the name in files, and in words what it is made of.
  static var momentNames: [(name: String, quantity: String)] { get }

  /// The number of updates made.
  var step: Int { get }

  /// What is kept, in the order of `momentNames`: a tensor a parameter each, in the order of the network's layers
  /// and parameters.
  var moments: [[Tensor<Scalar>]] { get set }

  /// Begins the next update; then `update` is called once for each parameter.
  mutating func beginStep()

  /// Moves one parameter by its gradient.
  mutating func update(
    _ parameter: inout Tensor<Scalar>, at index: Int, gradient: Tensor<Scalar>,
    learningRate: Double, workers: Workers)
}

extension Optimizer {
  /// How many numbers one piece of work holds.
  static var numbersPerPiece: Int { 1 << 16 }

  /// Makes one update: moves every parameter of a network by its gradient, but for those of layers whose
  /// gradient is nil.
  package mutating func update(
    _ network: inout CPLNetwork<Scalar>, gradients: [LayerGradient<Scalar>?],
    learningRate: Double, workers: Workers
  ) {
    beginStep()
    var position = 0
    for index in network.layers.indices {
      guard let gradient = gradients[index] else {
        position += network.layers[index].parameters.count
        continue
      }
      network.layers[index].updateParameters(workers: workers) { parameter, value in
        update(
          &value, at: position, gradient: gradient.parameters[parameter],
          learningRate: learningRate, workers: workers)
        position += 1
      }
    }
  }
}
