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

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    var output = consume input
    var swapped: Cache = []
    if recording == .nothing {
      forEachPair(of: &output, workers) { _, first, second in
        Scalar.sortPairs(plane, first, second, swapped: nil)
      }
    } else {
      swapped = Cache(unsafeUninitializedCapacity: output.count / 2) { swapped, initialized in
        nonisolated(unsafe) let places = swapped.baseAddress
        forEachPair(of: &output, workers) { pair, first, second in
          Scalar.sortPairs(plane, first, second, swapped: places.map { $0 + pair * plane })
        }
        initialized = output.count / 2
      }
    }
    return (output, swapped)
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    exchanged(outputGradient, cache, workers)
  }

  /// The Jacobian is a symmetric permutation: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    exchanged(inputTangent, cache, workers)
  }

  private func exchanged(
    _ values: consuming Tensor<Scalar>, _ swapped: Cache, _ workers: Workers
  ) -> Tensor<Scalar> {
    var exchanged = consume values
    swapped.withUnsafeBufferPointer { swapped in
      nonisolated(unsafe) let swapped = swapped
      forEachPair(of: &exchanged, workers) { pair, first, second in
        Scalar.swapPairs(plane, where: swapped.baseAddress! + pair * plane, first, second)
      }
    }
    return exchanged
  }

  /// Every pair of channels of a batch, counted over all images.
  private func forEachPair(
    of batch: inout Tensor<Scalar>, _ workers: Workers,
    _ body:
      @Sendable (
        _ pair: Int, _ first: UnsafeMutablePointer<Scalar>, _ second: UnsafeMutablePointer<Scalar>
      ) -> Void
  ) {
    let (images, pairs, plane) = (batch.shape[0], shape[0] / 2, plane)
    batch.withUnsafeMutableElements { values in
      nonisolated(unsafe) let values = values
      workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
        for pair in range.lowerBound * pairs..<range.upperBound * pairs {
          let first = values + 2 * pair * plane
          body(pair, first, first + plane)
        }
      }
    }
  }
}
