// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// The sum over disjoint s×s windows, divided by s: an average pooling that is scaled so that its
/// rows are orthonormal. Lipschitz constant 1.
package struct NormPool<Scalar: TensorScalar>: ParameterFreeLayer {
  package let name: String
  /// The shape of the input, whose height and width are multiples of `window`.
  package let image: ImageShape
  /// s, the height and width of the window.
  package let window: Int

  package init(name: String, image: ImageShape, window: Int) {
    precondition(window > 0 && image.isTiled(by: window), "windows tile the image")
    self.name = name
    self.image = image
    self.window = window
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.pooled(by: window).extents }

  package var specification: LayerSpecification {
    .normPool(image: image, window: window)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    let output = Tensor<Scalar>(shape: [batch] + outputShape) { output in
      input.withUnsafeElements { input in
        forEachWindow(of: batch) { index, corner in
          var total: Scalar = 0
          for row in 0..<window {
            for column in 0..<window { total += input[corner + row * image.width + column] }
          }
          output[index] = total / Scalar(window)
        }
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
        forEachWindow(of: batch) { index, corner in
          let value = outputGradient[index] / Scalar(window)
          for row in 0..<window {
            for column in 0..<window { gradient[corner + row * image.width + column] = value }
          }
        }
      }
    }
  }

  /// For each output its index, and the index of its window's first pixel.
  @inline(__always)
  private func forEachWindow(of batch: Int, _ body: (_ index: Int, _ corner: Int) -> Void) {
    let output = image.pooled(by: window)
    for plane in 0..<batch * image.channels {
      for row in 0..<output.height {
        for column in 0..<output.width {
          body(
            (plane * output.height + row) * output.width + column,
            (plane * image.height + row * window) * image.width + column * window)
        }
      }
    }
  }
}

extension NormPool: FeatureLayer {}
