// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import TestSupport
import Testing

@Suite("The points of Winograd's algorithm")
struct WinogradPointTests {
  /// Columns of taps of binary32.
  private static func columns(_ count: Int) -> [(Double, Double, Double)] {
    let taps = Tensor<Float>.normal([3 * count], stream: 540).elements.map { Double($0) }
    return (0..<count).map { (taps[3 * $0], taps[3 * $0 + 1], taps[3 * $0 + 2]) }
  }

  /// The weights as `CPLKernels.h` states them, before they are rounded to binary32.
  private static func transformed(_ g: (Double, Double, Double)) -> [Double] {
    let (g0, g1, g2) = g
    let (a, b) = (0.75, 1.5)
    let (alpha, beta) = (1 / (2 * a * a * (a * a - b * b)), 1 / (2 * b * b * (b * b - a * a)))
    let (evenA, oddA) = (alpha * (g0 + a * a * g2), alpha * a * g1)
    let (evenB, oddB) = (beta * (g0 + b * b * g2), beta * b * g1)
    return [
      1 / (a * a * (b * b)) * g0, evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, g2,
    ]
  }

  @Test("weights are those that the kernels' header states, bit for bit")
  func weights() {
    for column in Self.columns(1000) {
      #expect(
        WinogradPoint.all.map { $0.weight(column) }
          == Self.transformed(column).map { Float($0) })
    }
  }

  @Test("weights err by no more than is proved, and by more than two thirds of it")
  func weightErrors() {
    var largest = 0.0
    for column in Self.columns(10_000) {
      let exact = Self.transformed(column)
      for (point, exact) in zip(WinogradPoint.all, exact).dropLast() {
        // What binary64 lacks is a 2⁻²⁶th of the bound.
        let error = abs(Double(point.weight(column)) - exact)
        largest = max(largest, error / point.weightErrorBound(column))
      }
      #expect(Double(WinogradPoint.all[5].weight(column)) == column.2)
    }
    #expect(largest <= 1)
    #expect(largest > 2 / 3, "attained: \(largest)")
  }

  @Test("the points together are the correlation with a column")
  func interpolation() {
    for column in Self.columns(100) {
      let weights = Self.transformed(column)
      for output in 0..<4 {
        for input in 0..<6 {
          let coefficient = zip(WinogradPoint.all, weights).reduce(0) {
            $0 + $1.0.outputs[output] * $1.1 * $1.0.inputs[input]
          }
          let taps = [column.0, column.1, column.2]
          let expected = taps.indices.contains(input - output) ? taps[input - output] : 0
          #expect(abs(coefficient - expected) < 1e-13)
        }
      }
    }
  }

  @Test("combinations of rows reach the bound of their norm within 2 %")
  func combinationNorm() throws {
    for point in WinogradPoint.all {
      // |b| every four rows of a tall column: a sum of shifted copies.
      let tiles = 64
      var map = Tensor<Float>(shape: [tiles, 4 * tiles + 2])
      for tile in 0..<tiles {
        for (row, value) in point.inputs.enumerated() {
          map.elements[tile * (4 * tiles + 2) + 4 * tile + row] = Float(value.magnitude)
        }
      }
      let norm = try VerifiedSpectralNorm.dense(map).lowerBound
      #expect(norm <= point.combinationNormUpperBound)
      #expect(norm > 0.98 * point.combinationNormUpperBound)
    }
  }

  @Test("a correlation with equal weights reaches the bound of its norm within 1 %")
  func correlationNorm() throws {
    for (weights, isTight) in [
      (Tensor<Float>(repeating: 0.5, shape: [2, 3, 1, 3]), true),
      (Tensor<Float>.normal([2, 3, 1, 3], stream: 541), false),
    ] {
      let width = 40
      var map = Tensor<Float>(shape: [2 * width, 3 * width])
      for (index, weight) in weights.elements.enumerated() {
        let (output, input, tap) = (index / 9, index / 3 % 3, index % 3)
        for x in 0..<width where 0..<width ~= x + tap - 1 {
          map.elements[(output * width + x) * 3 * width + input * width + x + tap - 1] = weight
        }
      }
      let norm = try VerifiedSpectralNorm.dense(map).lowerBound
      let bound = WinogradPoint.correlationNormUpperBound(weights)
      #expect(norm <= bound)
      if isTight { #expect(norm > 0.99 * bound) }
    }
  }
}
