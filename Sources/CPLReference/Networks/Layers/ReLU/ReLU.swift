// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// x ↦ max(x, 0), number by number. Lipschitz constant 1. A number that is not finite stays so, unless it is −∞.
package struct ReLU<Scalar: TensorScalar>: SelectingLayer {
  /// For each number whether it is positive.
  package typealias Cache = [Bool]

  package let name: String
  /// The shape of one input.
  package let shape: [Int]

  package init(name: String, shape: [Int]) { (self.name, self.shape) = (name, shape) }

  package var inputShape: [Int] { shape }
  package var outputShape: [Int] { shape }
  package var specification: LayerSpecification { .relu(shape: shape) }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    var output = consume input
    let active = recording == .nothing ? [] : output.elements.map { $0 > 0 }
    let count = output.count
    output.withUnsafeMutableElements { Self.rectify($0, count) }
    return (output, active)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func rectify(_ values: UnsafeMutablePointer<Scalar>, _ count: Int) {
    for index in 0..<count { values[index] = values[index] < 0 ? 0 : values[index] }
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    gated(outputGradient, cache)
  }

  /// The Jacobian is diagonal: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    gated(inputTangent, cache)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func gated(_ values: consuming Tensor<Scalar>, _ active: Cache) -> Tensor<Scalar> {
    var gated = consume values
    gated.withUnsafeMutableElements { values in
      active.withUnsafeBufferPointer { active in
        for index in 0..<active.count where !active[index] { values[index] = 0 }
      }
    }
    return gated
  }
}
