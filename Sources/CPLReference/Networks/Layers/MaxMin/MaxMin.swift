// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Neighbouring channels, or features, in descending order (Anil, Lucas and Grosse, ICML 2019, with groups of
/// two): (x₂ᵢ, x₂ᵢ₊₁) ↦ (max, min), pixel by pixel.
///
/// *Lipschitz constant 1.* Wherever two numbers differ the map is a permutation of them, and it is continuous.
package struct MaxMin<Scalar: TensorScalar>: SelectingLayer {
  /// For each pair of each input whether its numbers changed places.
  package typealias Cache = [Bool]

  package let name: String
  /// The shape of one input, with an even number of channels or features.
  package let shape: [Int]

  package init(name: String, shape: [Int]) {
    precondition(shape[0] % 2 == 0, "channels come in pairs")
    (self.name, self.shape) = (name, shape)
  }

  package var inputShape: [Int] { shape }
  package var outputShape: [Int] { shape }
  package var specification: LayerSpecification { .maxMin(shape: shape) }

  /// The numbers of a channel.
  private var plane: Int { shape.dropFirst().reduce(1, *) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    var output = consume input
    let (plane, pairs) = (plane, output.count / max(1, 2 * plane))
    var swapped = [Bool](
      repeating: false, count: recording == .nothing ? 0 : pairs * plane)
    let keeps = recording != .nothing
    output.withUnsafeMutableElements { values in
      swapped.withUnsafeMutableBufferPointer { swapped in
        for pair in 0..<pairs {
          let first = values + 2 * pair * plane
          let second = first + plane
          if keeps {
            let swapped = swapped.baseAddress! + pair * plane
            for index in 0..<plane { swapped[index] = first[index] < second[index] }
          }
          for index in 0..<plane {
            let (a, b) = (first[index], second[index])
            let swaps = a < b
            first[index] = swaps ? b : a
            second[index] = swaps ? a : b
          }
        }
      }
    }
    return (output, swapped)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    exchanged(outputGradient, cache)
  }

  /// The Jacobian is a symmetric permutation: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    exchanged(inputTangent, cache)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func exchanged(_ values: consuming Tensor<Scalar>, _ swapped: Cache) -> Tensor<Scalar> {
    var exchanged = consume values
    let plane = plane
    exchanged.withUnsafeMutableElements { values in
      swapped.withUnsafeBufferPointer { swapped in
        for pair in 0..<swapped.count / max(1, plane) {
          let first = values + 2 * pair * plane
          let second = first + plane
          for index in 0..<plane {
            let (a, b, swaps) = (first[index], second[index], swapped[pair * plane + index])
            first[index] = swaps ? b : a
            second[index] = swaps ? a : b
          }
        }
      }
    }
    return exchanged
  }
}
