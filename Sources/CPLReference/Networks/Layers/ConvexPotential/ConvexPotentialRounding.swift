// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics

/// How far a computed z̃ lies from x − h Wᵀ relu(W x + b), by an evaluation in fixed point.
///
/// *Proof.* Let u be the unit, R and C the largest sums of magnitudes of W's rows and columns, n and n′ the largest
/// numbers of products in a sum of W x and of Wᵀr. Cutting x moves each W x by at most R u, its products by less than
/// n u, and the bias by less than u: a hidden unit errs by H = R + n + 1 units, and relu moves no two numbers apart. A
/// sum of Wᵀr errs by C H + n′ units, its product with h by h(C H + n′) + 1, and z̃ and x were cut: each component of
/// z̃ − x + h Wᵀr errs by D = h(C H + n′) + 3 units. So ‖z̃ − F(x)‖ ≤ ‖(|d_i| + D u)_i‖ with d as it is computed. Nothing
/// overflows: x, z̃, b, hidden units and sums are seen to be small, R, C and h to be less than 2²⁰.
struct ConvexPotentialRounding {
  /// W as a convolution, inner×channels×side×side; a matrix is one of an image of one pixel.
  let kernel: Tensor<Double>
  let bias: Tensor<Double>
  let stepSize: Double
  let height: Int
  let width: Int

  /// Complexity: O(|kernel|·HW) operations of 128 bits, twice.
  func error(_ input: ArraySlice<Double>, _ output: ArraySlice<Double>) -> Double? {
    let (inner, channels, side) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    let (pixels, taps) = (height * width, side * side)
    let factors = kernel.elements.compactMap { WideFixedPoint.Factor($0) }
    guard stepSize >= 0, let step = WideFixedPoint.Factor(stepSize), factors.count == kernel.count,
      let sums,
      let x = WideFixedPoint.cut(input), let z = WideFixedPoint.cut(output),
      let biases = WideFixedPoint.cut(bias.elements[...])
    else { return nil }
    var hidden = (0..<inner * pixels).map { biases[$0 / pixels] }
    var sum = [Int128](repeating: 0, count: channels * pixels)
    forEachTap { unit, channel, tap in
      add(
        factors[(unit * channels + channel) * taps + tap], x, plane: channel, to: &hidden,
        plane: unit,
        row: tap / side - side / 2, column: tap % side - side / 2)
    }
    guard hidden.allSatisfy(WideFixedPoint.isSmall) else { return nil }
    for index in hidden.indices { hidden[index] = max(0, hidden[index]) }
    forEachTap { unit, channel, tap in
      add(
        factors[(unit * channels + channel) * taps + tap], hidden, plane: unit, to: &sum,
        plane: channel,
        row: side / 2 - tap / side, column: side / 2 - tap % side)
    }
    guard sum.allSatisfy(WideFixedPoint.isSmall) else { return nil }
    let up = Rounding.up
    let hiddenUnits = up.sum(sums.row, Double(channels * taps + 1))
    let sumUnits = up.sum(up.product(sums.column, hiddenUnits), Double(inner * taps))
    let error = up.product(up.sum(up.product(stepSize, sumUnits), 3), WideFixedPoint.unit)
    return EuclideanNorm.upperBound(
      sum.indices.map {
        up.sum(WideFixedPoint.magnitudeUpperBound(z[$0] - x[$0] + step(sum[$0])), error)
      })
  }

  /// R and C, rounded up; nil unless they are less than 2²⁰.
  private var sums: (row: Double, column: Double)? {
    let (inner, channels) = (kernel.shape[0], kernel.shape[1])
    let taps = kernel.shape[2] * kernel.shape[3]
    var (rows, columns) = (
      [Double](repeating: 0, count: inner), [Double](repeating: 0, count: channels)
    )
    for (index, weight) in kernel.elements.enumerated() {
      let (unit, channel) = (index / (channels * taps), index / taps % channels)
      rows[unit] = Rounding.up.sum(rows[unit], weight.magnitude)
      columns[channel] = Rounding.up.sum(columns[channel], weight.magnitude)
    }
    guard let row = rows.max(), let column = columns.max(), row < 0x1p20, column < 0x1p20 else {
      return nil
    }
    return (row, column)
  }

  private func forEachTap(_ body: (_ unit: Int, _ channel: Int, _ tap: Int) -> Void) {
    for unit in 0..<kernel.shape[0] {
      for channel in 0..<kernel.shape[1] {
        for tap in 0..<kernel.shape[2] * kernel.shape[3] { body(unit, channel, tap) }
      }
    }
  }

  /// Adds to a plane of the target a plane of the source, times a factor and moved by rows and columns; zeros stand around
  /// an image.
  private func add(
    _ factor: WideFixedPoint.Factor, _ source: [Int128], plane from: Int, to target: inout [Int128],
    plane to: Int,
    row: Int, column: Int
  ) {
    let (first, last) = (max(0, -column), min(width, width - column))
    guard first < last else { return }
    let pixels = height * width
    source.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        for y in max(0, -row)..<max(0, -row, min(height, height - row)) {
          WideFixedPoint.add(
            last - first, factor, source + from * pixels + (y + row) * width + first + column,
            to: target + to * pixels + y * width + first)
        }
      }
    }
  }
}

extension CPLConvolution: MeasuredRoundingLayer where Scalar == Double {
  package func roundingError(_ input: ArraySlice<Double>, _ output: ArraySlice<Double>) -> Double? {
    ConvexPotentialRounding(
      kernel: kernel, bias: bias, stepSize: stepSize, height: image.height, width: image.width
    ).error(input, output)
  }
}

extension CPLLinear: MeasuredRoundingLayer where Scalar == Double {
  package func roundingError(_ input: ArraySlice<Double>, _ output: ArraySlice<Double>) -> Double? {
    ConvexPotentialRounding(
      kernel: weights.reshaped([inner, features, 1, 1]), bias: bias, stepSize: stepSize, height: 1,
      width: 1
    ).error(input, output)
  }
}

extension SLLLayer: MeasuredRoundingLayer where Executed: MeasuredRoundingLayer {
  package func roundingError(_ input: ArraySlice<Double>, _ output: ArraySlice<Double>) -> Double? {
    executed.roundingError(input, output)
  }
}
