// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// The pixels of each r×r window of a channel as r² channels of a smaller image, in PyTorch's order: channel
/// (c·r + i)·r + j of the output holds the pixels (r·y + i, r·x + j) of channel c. Lipschitz constant 1: a permutation.
public struct PixelUnshuffle<Scalar: TensorScalar>: SelectingLayer {
  public let name: String
  /// The shape of the input, whose height and width are multiples of `window`.
  public let image: ImageShape
  /// r.
  public let window: Int

  public init(name: String, image: ImageShape, window: Int) {
    precondition(window > 0 && image.isTiled(by: window), "windows tile the image")
    (self.name, self.image, self.window) = (name, image, window)
  }

  public var inputShape: [Int] { image.extents }
  public var outputShape: [Int] {
    image.pooled(by: window).with(channels: image.channels * window * window).extents
  }
  public var specification: LayerSpecification { .pixelUnshuffle(image: image, window: window) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func forward(
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
  public func inputGradient(
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
