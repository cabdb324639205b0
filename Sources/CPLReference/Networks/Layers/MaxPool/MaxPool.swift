// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// The largest number of each of the disjoint s×s windows that tile an image, channel by channel.
///
/// *Lipschitz constant 1.* |max u − max v| ≤ ‖u − v‖∞ ≤ ‖u − v‖₂ for each window, and no two windows share a pixel.
package struct MaxPool<Scalar: TensorScalar>: SelectingLayer {
  /// For each output of each image the index of the input that it is, the first of equals.
  package typealias Cache = [Int]

  package let name: String
  /// The shape of the input, whose height and width are multiples of `window`.
  package let image: ImageShape
  /// s.
  package let window: Int

  package init(name: String, image: ImageShape, window: Int) {
    precondition(window > 0 && image.isTiled(by: window), "windows tile the image")
    (self.name, self.image, self.window) = (name, image, window)
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.pooled(by: window).extents }
  package var specification: LayerSpecification { .maxPool(image: image, window: window) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let (batch, pooled) = (input.shape[0], image.pooled(by: window))
    var chosen: [Int] = []
    chosen.reserveCapacity(batch * pooled.count)
    let output = Tensor<Scalar>(shape: [batch] + outputShape) { output in
      input.withUnsafeElements { input in
        for plane in 0..<batch * image.channels {
          for row in 0..<pooled.height {
            for column in 0..<pooled.width {
              let corner = (plane * image.height + row * window) * image.width + column * window
              var best = corner
              for pixel in 0..<window * window {
                let index = corner + pixel / window * image.width + pixel % window
                // A number that is not one stays.
                if input[index] > input[best] || input[index].isNaN { best = index }
              }
              output[chosen.count] = input[best]
              chosen.append(best)
            }
          }
        }
      }
    }
    return (output, recording == .nothing ? [] : chosen)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    var gradient = Tensor<Scalar>(shape: [outputGradient.shape[0]] + inputShape)
    gradient.withUnsafeMutableElements { gradient in
      outputGradient.withUnsafeElements { outputGradient in
        for (output, input) in cache.enumerated() { gradient[input] = outputGradient[output] }
      }
    }
    return gradient
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let tangent = consume inputTangent
    return Tensor(
      shape: [tangent.shape[0]] + outputShape, elements: cache.map { tangent.elements[$0] })
  }
}
