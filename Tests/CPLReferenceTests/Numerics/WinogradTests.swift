// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// Winograd's algorithm as `CPLKernels.h` states it, one number after the other.
private enum Winograd {
  static let a: Float = 0.75
  static let b: Float = 1.5

  static func fma(_ x: Float, _ y: Float, _ z: Float) -> Float { z.addingProduct(x, y) }

  /// t₀ … t₅ of six rows of inputs.
  static func inputs(_ d: [Float]) -> [Float] {
    let (evenA, oddA) = (fma(-b * b, d[2], d[4]), fma(-b * b, d[1], d[3]))
    let (evenB, oddB) = (fma(-a * a, d[2], d[4]), fma(-a * a, d[1], d[3]))
    let (sum, product) = (a * a + b * b, a * a * b * b)
    return [
      fma(-sum, d[2], fma(product, d[0], d[4])), fma(a, oddA, evenA), fma(-a, oddA, evenA),
      fma(b, oddB, evenB), fma(-b, oddB, evenB), fma(-sum, d[3], fma(product, d[1], d[5])),
    ]
  }

  /// u₀ … u₅ of the three weights of a column.
  static func weights(_ column: [Float]) -> [Float] {
    let (g, a, b) = (column.map { Double($0) }, Double(a), Double(b))
    let (alpha, beta) = (1 / (2 * a * a * (a * a - b * b)), 1 / (2 * b * b * (b * b - a * a)))
    let (evenA, oddA) = (alpha * (g[0] + a * a * g[2]), alpha * a * g[1])
    let (evenB, oddB) = (beta * (g[0] + b * b * g[2]), beta * b * g[1])
    return [
      1 / (a * a * (b * b)) * g[0], evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, g[2],
    ].map { Float($0) }
  }

  /// y₀ … y₃ of the six sums.
  static func outputs(_ m: [Float]) -> [Float] {
    let (evenA, oddA, evenB, oddB) = (m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4])
    return [
      m[0] + evenA + evenB, fma(a, oddA, b * oddB), fma(a * a, evenA, b * b * evenB),
      fma(a * a * a, oddA, fma(b * b * b, oddB, m[5])),
    ]
  }

  /// q₀ … q₅ of four rows of a gradient.
  static func gradients(_ p: [Float]) -> [Float] {
    let (evenA, oddA) = (fma(a * a, p[2], p[0]), a * fma(a * a, p[3], p[1]))
    let (evenB, oddB) = (fma(b * b, p[2], p[0]), b * fma(b * b, p[3], p[1]))
    return [p[0], evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, p[3]]
  }

  /// The gradient's three taps of a column.
  static func taps(_ s: [Float]) -> [Float] {
    let (wideA, wideB) = (Double(a), Double(b))
    let alpha = Float(1 / (2 * wideA * wideA * (wideA * wideA - wideB * wideB)))
    let beta = Float(1 / (2 * wideB * wideB * (wideB * wideB - wideA * wideA)))
    let first = Float(1 / (wideA * wideA * wideB * wideB))
    let (evenA, oddA) = (alpha * (s[1] + s[2]), alpha * (s[1] - s[2]))
    let (evenB, oddB) = (beta * (s[3] + s[4]), beta * (s[3] - s[4]))
    return [
      fma(first, s[0], evenA) + evenB, fma(a, oddA, b * oddB),
      fma(a * a, evenA, fma(b * b, evenB, s[5])),
    ]
  }

  /// One plane of `count` rows of pixel column x, from row y on; 0 outside.
  static func column(_ image: Tensor<Float>, _ plane: Int, _ y: Int, _ x: Int, _ count: Int)
    -> [Float]
  {
    let (height, width) = (image.shape[1], image.shape[2])
    return (y..<y + count).map {
      0..<height ~= $0 && 0..<width ~= x
        ? image.elements[(plane * height + $0) * width + x] : 0
    }
  }

  /// out(o, y, x) = Σ weight(o, c, ky, kx) · image(c, y + ky − 1, x + kx − 1).
  static func correlate(
    _ image: Tensor<Float>, outputs: Int, weight: (Int, Int, Int, Int) -> Float
  ) -> Tensor<Float> {
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    var result = Tensor<Float>(shape: [outputs, height, width])
    for output in 0..<outputs {
      let packed = (0..<channels).map { c in
        (0..<3).map { kx in weights((0..<3).map { weight(output, c, $0, kx) }) }
      }
      for y in stride(from: 0, to: height, by: 4) {
        for x in 0..<width {
          var sums = [Float](repeating: 0, count: 6)
          for c in 0..<channels {
            for kx in 0..<3 {
              let t = inputs(column(image, c, y - 1, x + kx - 1, 6))
              for position in 0..<6 {
                sums[position] = fma(packed[c][kx][position], t[position], sums[position])
              }
            }
          }
          for (row, value) in Self.outputs(sums).enumerated() where y + row < height {
            result.elements[(output * height + y + row) * width + x] = value
          }
        }
      }
    }
    return result
  }

  /// ∂⟨v, T x⟩/∂K.
  static func kernelGradient(_ x: Tensor<Float>, _ v: Tensor<Float>) -> Tensor<Float> {
    let (inner, channels) = (v.shape[0], x.shape[0])
    let lanes = 16
    var result = Tensor<Float>(shape: [inner, channels, 3, 3])
    for unit in 0..<inner {
      for c in 0..<channels {
        for kx in 0..<3 {
          var taps: [[Float]] = []
          for lane in 0..<lanes {
            var sums = [Float](repeating: 0, count: 6)
            for y in stride(from: 0, to: x.shape[1], by: 4) {
              for pixel in stride(from: lane, to: x.shape[2], by: lanes) {
                let q = gradients(column(v, unit, y, pixel, 4))
                let t = inputs(column(x, c, y - 1, pixel + kx - 1, 6))
                for position in 0..<6 {
                  sums[position] = fma(q[position], t[position], sums[position])
                }
              }
            }
            taps.append(Self.taps(sums))
          }
          for ky in 0..<3 {
            var tree = taps.map { $0[ky] }
            for half in [8, 4, 2, 1] { for lane in 0..<half { tree[lane] += tree[lane + half] } }
            result.elements[((unit * channels + c) * 3 + ky) * 3 + kx] = tree[0]
          }
        }
      }
    }
    return result
  }
}

@Suite("Winograd's algorithm")
struct WinogradTests {
  @Test(
    "3×3 kernels in binary32 are summed as the header states, bit for bit",
    arguments: [
      [1, 1, 4, 4], [3, 2, 5, 5], [2, 7, 17, 17], [6, 5, 32, 32], [2, 3, 35, 35], [3, 6, 20, 36],
      [2, 3, 4, 1], [2, 3, 37, 5], [1, 2, 6, 16],
    ])
  func bits(size: [Int]) {
    let (channels, inner, height, width) = (size[0], size[1], size[2], size[3])
    let kernel = Tensor<Float>.normal([inner, channels, 3, 3], stream: 40)
    let x = Tensor<Float>.normal([channels, height, width], stream: 41)
    let v = Tensor<Float>.normal([inner, height, width], stream: 42)
    func weight(_ unit: Int, _ channel: Int, _ ky: Int, _ kx: Int) -> Float {
      kernel.elements[((unit * channels + channel) * 3 + ky) * 3 + kx]
    }
    let convolution = Convolution(kernel: kernel, height: height, width: width)
    #expect(
      convolution.apply(x).elements
        == Winograd.correlate(x, outputs: inner, weight: weight).elements)
    #expect(
      convolution.applyTransposed(v).elements
        == Winograd.correlate(v, outputs: channels) { weight($1, $0, 2 - $2, 2 - $3) }.elements)
    #expect(
      convolution.weightGradient(input: x, output: v).elements
        == Winograd.kernelGradient(x, v).elements)
  }

  @Test("its errors are of the size of a plain sum's")
  func accuracy() {
    let (channels, inner, side) = (45, 5, 32)
    let kernel = Tensor<Float>.normal([inner, channels, 3, 3], stream: 43)
    let x = Tensor<Float>.normal([channels, side, side], stream: 44)
    let exact = Oracle.convolve(kernel.converted(to: Double.self), x.converted(to: Double.self))
    let computed = Convolution(kernel: kernel, height: side, width: side).apply(x)
    /// The same sum, one term after the other.
    var plain: [Float] = []
    for unit in 0..<inner {
      for pixel in 0..<side * side {
        var sum: Float = 0
        for channel in 0..<channels {
          for tap in 0..<9 {
            let value = Winograd.column(
              x, channel, pixel / side + tap / 3 - 1, pixel % side + tap % 3 - 1, 1)[0]
            let weight = kernel.elements[(unit * channels + channel) * 9 + tap]
            sum = Winograd.fma(weight, value, sum)
          }
        }
        plain.append(sum)
      }
    }
    func error(_ values: [Float]) -> Double {
      zip(values, exact.elements).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
        .squareRoot()
    }
    let ratio = error(computed.elements) / error(plain)
    #expect(ratio < 2, "\(ratio) times a plain sum's error")
  }
}
