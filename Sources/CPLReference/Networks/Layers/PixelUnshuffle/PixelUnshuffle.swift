// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// The pixels of each r×r window of a channel as r² channels of a smaller image, in PyTorch's order: channel
/// (c·r + i)·r + j of the output holds the pixels (r·y + i, r·x + j) of channel c. Lipschitz constant 1: a permutation.
package struct PixelUnshuffle<Scalar: TensorScalar>: SelectingLayer {
  package let name: String
  /// The shape of the input, whose height and width are multiples of `window`.
  package let image: ImageShape
  /// r.
  package let window: Int

  package init(name: String, image: ImageShape, window: Int) {
    precondition(window > 0 && image.isTiled(by: window), "windows tile the image")
    (self.name, self.image, self.window) = (name, image, window)
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] {
    image.pooled(by: window).with(channels: image.channels * window * window).extents
  }
  package var specification: LayerSpecification { .pixelUnshuffle(image: image, window: window) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    let output = Tensor<Scalar>(shape: [batch] + outputShape) { output in
      input.withUnsafeElements { input in
        forEachPixel(of: batch) { inner, outer in output[outer] = input[inner] }
      }
    }
    return (output, NothingKept())
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    return Tensor(shape: [batch] + inputShape) { gradient in
      outputGradient.withUnsafeElements { outputGradient in
        forEachPixel(of: batch) { inner, outer in gradient[inner] = outputGradient[outer] }
      }
    }
  }

  /// For each number the index where it comes from, and that where it goes.
  @inline(__always)
  private func forEachPixel(of batch: Int, _ body: (_ input: Int, _ output: Int) -> Void) {
    let (height, width) = (image.height / window, image.width / window)
    var output = 0
    for plane in 0..<batch * image.channels {
      for i in 0..<window {
        for j in 0..<window {
          for y in 0..<height {
            let row = (plane * image.height + y * window + i) * image.width + j
            for x in 0..<width {
              body(row + x * window, output)
              output += 1
            }
          }
        }
      }
    }
  }
}
