// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A convolution on the torus of the image's height and width: the image is extended by wrapping round, convolved
/// with zeros beyond that, and cut.
struct CircularConvolution<Scalar: TensorScalar>: LinearMap {
  private let extended: Convolution<Scalar>
  private let height: Int
  private let width: Int
  private let border: Int
  private let pixels: [(source: Int, isInside: Bool)]
  let inputShape: [Int]
  let outputShape: [Int]

  init(kernel: Tensor<Scalar>, height: Int, width: Int) {
    self.height = height
    self.width = width
    border = kernel.shape[3] / 2
    pixels = Self.pixels(height: height, width: width, border: kernel.shape[3] / 2)
    extended = Convolution(
      kernel: kernel, height: height + 2 * border, width: width + 2 * border)
    inputShape = [kernel.shape[1], height, width]
    outputShape = [kernel.shape[0], height, width]
  }

  /// For each pixel of the extended image's plane the one that it repeats, and whether it lies in the
  /// border.
  private static func pixels(
    height: Int, width: Int, border: Int
  ) -> [(source: Int, isInside: Bool)] {
    let wide = width + 2 * border
    return (0..<(height + 2 * border) * wide).map { index in
      let (i, j) = (index / wide - border, index % wide - border)
      return (
        (i + height) % height * width + (j + width) % width,
        (0..<height).contains(i) && (0..<width).contains(j)
      )
    }
  }

  private func extend(_ x: Tensor<Scalar>, wraps: Bool) -> Tensor<Scalar> {
    let planes = x.shape[0]
    return Tensor(shape: [planes, height + 2 * border, width + 2 * border]) { result in
      x.withUnsafeElements { x in
        for plane in 0..<planes {
          for (index, pixel) in pixels.enumerated() {
            result[plane * pixels.count + index] =
              wraps || pixel.isInside ? x[plane * height * width + pixel.source] : 0
          }
        }
      }
    }
  }

  private func cut(_ x: Tensor<Scalar>, wraps: Bool) -> Tensor<Scalar> {
    let planes = x.shape[0]
    var result = Tensor<Scalar>(shape: [planes, height, width])
    result.withUnsafeMutableElements { result in
      x.withUnsafeElements { x in
        for plane in 0..<planes {
          for (index, pixel) in pixels.enumerated() where wraps || pixel.isInside {
            result[plane * height * width + pixel.source] += x[plane * pixels.count + index]
          }
        }
      }
    }
    return result
  }

  func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    cut(extended.apply(extend(x, wraps: true)), wraps: false)
  }

  func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    cut(extended.applyTransposed(extend(v, wraps: false)), wraps: true)
  }

  func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    extended.weightGradient(input: extend(x, wraps: true), output: extend(v, wraps: false))
  }
}
