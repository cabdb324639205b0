// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// What the fast code computes, written down from its definition in binary64.
package enum Oracle {
  /// A·B of row-major matrices.
  package static func multiply(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Tensor<Double> {
    let (rows, depth, columns) = (a.shape[0], a.shape[1], b.shape[1])
    var product = Tensor<Double>(shape: [rows, columns])
    for i in 0..<rows {
      for j in 0..<columns {
        product.elements[i * columns + j] = (0..<depth).reduce(0) {
          $0 + a.elements[i * depth + $1] * b.elements[$1 * columns + j]
        }
      }
    }
    return product
  }

  package static func transpose(_ a: Tensor<Double>) -> Tensor<Double> {
    let (rows, columns) = (a.shape[0], a.shape[1])
    return Tensor(
      shape: [columns, rows],
      elements: (0..<a.count).map { a.elements[$0 % rows * columns + $0 / rows] })
  }

  /// The zero-padded convolution of a C×H×W image with an inner×C×k×k kernel.
  package static func convolve(_ kernel: Tensor<Double>, _ x: Tensor<Double>) -> Tensor<Double> {
    let shape = [kernel.shape[0], x.shape[1], x.shape[2]]
    var output = [Double](repeating: 0, count: shape.reduce(1, *))
    forEachTap(of: kernel, on: x) { tap, hidden, pixel in
      output[hidden] += kernel.elements[tap] * x.elements[pixel]
    }
    return Tensor(shape: shape, elements: output)
  }

  /// Its transpose, of an inner×H×W image.
  package static func convolveTransposed(
    _ kernel: Tensor<Double>, _ v: Tensor<Double>
  ) -> Tensor<Double> {
    let shape = [kernel.shape[1], v.shape[1], v.shape[2]]
    var output = [Double](repeating: 0, count: shape.reduce(1, *))
    forEachTap(of: kernel, on: v) { tap, hidden, pixel in
      output[pixel] += kernel.elements[tap] * v.elements[hidden]
    }
    return Tensor(shape: shape, elements: output)
  }

  /// The gradient of ⟨v, T x⟩ with respect to a kernel of `shape`.
  package static func kernelGradient(
    shape: [Int], _ x: Tensor<Double>, _ v: Tensor<Double>
  ) -> Tensor<Double> {
    var gradient = [Double](repeating: 0, count: shape.reduce(1, *))
    forEachTap(of: Tensor(shape: shape), on: x) { tap, hidden, pixel in
      gradient[tap] += v.elements[hidden] * x.elements[pixel]
    }
    return Tensor(shape: shape, elements: gradient)
  }

  /// Every nonzero entry of the convolution's matrix: which tap of the kernel it is, its row and
  /// its column.
  private static func forEachTap(
    of kernel: Tensor<Double>, on image: Tensor<Double>,
    _ body: (_ tap: Int, _ hidden: Int, _ pixel: Int) -> Void
  ) {
    let (height, width) = (image.shape[1], image.shape[2])
    let (inner, channels, size) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    for o in 0..<inner {
      for c in 0..<channels {
        for a in 0..<size {
          for b in 0..<size {
            for i in 0..<height {
              for j in 0..<width {
                let (row, column) = (i + a - size / 2, j + b - size / 2)
                guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
                body(
                  ((o * channels + c) * size + a) * size + b, (o * height + i) * width + j,
                  (c * height + row) * width + column)
              }
            }
          }
        }
      }
    }
  }
}
