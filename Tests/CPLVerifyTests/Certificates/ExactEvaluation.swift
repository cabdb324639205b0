// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

/// The real maps of layers, evaluated to 2⁻⁴⁴⁸, with a bound of what that lacks.
///
/// Sums are exact in `FixedPoint`, so their order does not matter, and nothing here is shared with
/// the bounds that are held to it.
struct ExactEvaluation {
  let values: [FixedPoint]
  /// No value differs by more from what real arithmetic makes of the input.
  let errorBound: Double

  /// The input itself.
  init(_ input: [Double]) {
    self.init(values: input.map { FixedPoint($0) }, errorBound: 0)
  }

  /// - Parameter estimate: the bound as computed in binary64 from sums of less than 10⁶ numbers that
  ///   are not negative, which rounding changes by less than a thousandth.
  private init(values: [FixedPoint], errorBound estimate: Double) {
    self.values = values
    errorBound = 1.001 * estimate
  }

  /// ‖values − computed‖₂ ≤ the result, for the real values.
  func distance(to computed: some Collection<Double>) -> Double {
    EuclideanNorm.upperBound(zip(values, computed).map { $0.distance(to: $1) + errorBound })
  }

  /// |(a_first − a_second) − (b_first − b_second)| ≤ the result, for the real values b.
  func marginError(_ computed: [Double], _ first: Int, _ second: Int) -> Double {
    let margin = FixedPoint(computed[first]) - FixedPoint(computed[second])
    return (margin - (values[first] - values[second])).magnitudeUpperBound + 2 * errorBound
  }

  /// The features of an input.
  static func features(_ network: CPLNetwork<Double>, _ input: [Double]) -> ExactEvaluation {
    network.layers.dropLast().reduce(ExactEvaluation(input)) { $0.applying($1) }
  }

  /// A layer applied to the values.
  func applying(_ layer: any Layer<Double>) -> ExactEvaluation {
    switch layer {
    case let layer as Normalize<Double>: normalize(layer)
    case let layer as PaddingChannels<Double>: pad(layer)
    case let layer as CPLConvolution<Double>: convolve(layer)
    case let layer as NormPool<Double>: pool(layer)
    case is Flatten<Double>: self
    case let layer as CPLLinear<Double>: linear(layer)
    case let layer as LastLayerNormalised<Double>: head(layer)
    case let layer as PoolingLinear<Double>: head(layer)
    default: preconditionFailure("a new kind of layer: \(layer.specification.kind)")
    }
  }

  private func normalize(_ layer: Normalize<Double>) -> ExactEvaluation {
    let plane = layer.image.planeCount
    let smallest = layer.standardDeviation.reduce(.infinity) { min($0, Double($1)) }
    return ExactEvaluation(
      values: values.indices.map {
        (values[$0] - FixedPoint(Double(layer.mean[$0 / plane])))
          / Double(layer.standardDeviation[$0 / plane])
      }, errorBound: errorBound / smallest + FixedPoint.unit)
  }

  private func pad(_ layer: PaddingChannels<Double>) -> ExactEvaluation {
    let count = layer.outputShape.reduce(1, *)
    switch layer.padding {
    case .zero:
      return ExactEvaluation(
        values: values + Array(repeating: FixedPoint(0), count: count - values.count),
        errorBound: errorBound)
    case .clone:
      return ExactEvaluation(
        values: (0..<count).map { values[$0 % values.count] / layer.cloneDivisor },
        errorBound: errorBound + FixedPoint.unit)
    }
  }

  private func pool(_ layer: NormPool<Double>) -> ExactEvaluation {
    let (image, window) = (layer.image, layer.window)
    let columns = image.width / window
    let pooled = (0..<layer.outputShape.reduce(1, *)).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: columns)
      let corner = row * window * image.width + column * window
      let total = (0..<window * window).reduce(FixedPoint(0)) {
        $0 + values[corner + $1 / window * image.width + $1 % window]
      }
      return total / Double(window)
    }
    return ExactEvaluation(
      values: pooled, errorBound: Double(window) * errorBound + FixedPoint.unit)
  }

  private func linear(_ layer: CPLLinear<Double>) -> ExactEvaluation {
    let weights = layer.weights.elements
    let (inner, features) = (layer.inner, layer.features)
    let hidden = (0..<inner).map { unit in
      let sum = (0..<features).reduce(FixedPoint(0)) {
        $0 + values[$1] * weights[unit * features + $1]
      }
      return Self.relu(sum + FixedPoint(layer.bias.elements[unit]))
    }
    let outputs = (0..<features).map { feature in
      let sum = (0..<inner).reduce(FixedPoint(0)) {
        $0 + hidden[$1] * weights[$1 * features + feature]
      }
      return values[feature] - sum * layer.stepSize
    }
    return residual(
      outputs, step: layer.stepSize, products: (features, inner),
      rowSum: Self.largest(inner) { unit in
        weights[unit * features..<(unit + 1) * features].reduce(0) { $0 + abs($1) }
      },
      columnSum: Self.largest(features) { feature in
        (0..<inner).reduce(0) { $0 + abs(weights[$1 * features + feature]) }
      })
  }

  private func convolve(_ layer: CPLConvolution<Double>) -> ExactEvaluation {
    let kernel = layer.kernel.elements
    let shape = layer.kernel.shape
    let (inner, channels, taps) = (shape[0], shape[1], shape[2])
    let (height, width) = (layer.image.height, layer.image.width)
    /// Σ over the taps of one channel of a correlation, the kernel mirrored or not.
    func correlate(
      _ sum: inout FixedPoint, _ plane: ArraySlice<FixedPoint>, _ place: Int, weights: Int,
      mirrored: Bool
    ) {
      for tap in 0..<taps * taps {
        let row = place / width + tap / taps - taps / 2
        let column = place % width + tap % taps - taps / 2
        guard 0..<height ~= row, 0..<width ~= column else { continue }
        let weight = kernel[weights + (mirrored ? taps * taps - 1 - tap : tap)]
        sum = sum + plane[plane.startIndex + row * width + column] * weight
      }
    }
    let pixels = height * width
    var hidden: [FixedPoint] = []
    for unit in 0..<inner * pixels {
      var sum = FixedPoint(0)
      for channel in 0..<channels {
        correlate(
          &sum, values[channel * pixels..<(channel + 1) * pixels], unit % pixels,
          weights: (unit / pixels * channels + channel) * taps * taps, mirrored: false)
      }
      hidden.append(Self.relu(sum + FixedPoint(layer.bias.elements[unit / pixels])))
    }
    let outputs = values.indices.map { index in
      var sum = FixedPoint(0)
      for unit in 0..<inner {
        correlate(
          &sum, hidden[unit * pixels..<(unit + 1) * pixels], index % pixels,
          weights: (unit * channels + index / pixels) * taps * taps, mirrored: true)
      }
      return values[index] - sum * layer.stepSize
    }
    func magnitude(_ unit: Int, _ channel: Int) -> Double {
      let first = (unit * channels + channel) * taps * taps
      return kernel[first..<first + taps * taps].reduce(0) { $0 + abs($1) }
    }
    return residual(
      outputs, step: layer.stepSize, products: (channels * taps * taps, inner * taps * taps),
      rowSum: Self.largest(inner) { unit in
        (0..<channels).reduce(0) { $0 + magnitude(unit, $1) }
      },
      columnSum: Self.largest(channels) { channel in
        (0..<inner).reduce(0) { $0 + magnitude($1, channel) }
      })
  }

  /// The outputs of x − h Wᵀ relu(Wx + b), and the bound of their errors from the largest sums of
  /// magnitudes of W's rows and columns and the numbers of products in a sum.
  private func residual(
    _ outputs: [FixedPoint], step: Double, products: (analysis: Int, synthesis: Int),
    rowSum: Double, columnSum: Double
  ) -> ExactEvaluation {
    let hidden = rowSum * errorBound + Double(products.analysis) * FixedPoint.unit
    let sum = columnSum * hidden + Double(products.synthesis) * FixedPoint.unit
    return ExactEvaluation(
      values: outputs, errorBound: errorBound + abs(step) * sum + FixedPoint.unit)
  }

  private func head(_ layer: LastLayerNormalised<Double>) -> ExactEvaluation {
    let rows = layer.normalized.rows
    let logits = (0..<layer.classes).map { label in
      zip(rows.row(label), values).reduce(FixedPoint(0)) { $0 + $1.1 * $1.0 }
        + FixedPoint(layer.bias.elements[label])
    }
    let rowSum = Self.largest(layer.classes) { rows.row($0).reduce(0) { $0 + abs($1) } }
    return ExactEvaluation(
      values: logits, errorBound: rowSum * errorBound + Double(values.count) * FixedPoint.unit)
  }

  private func head(_ layer: PoolingLinear<Double>) -> ExactEvaluation {
    let logits = (0..<layer.classes).map { label in
      if layer.pooling == .truncate { return values[label] }
      let group = values[label * layer.groupSize..<(label + 1) * layer.groupSize]
      if layer.pooling == .max { return group.max()! }
      return group.reduce(FixedPoint(0), +) / Double(layer.groupSize) * layer.meanFactor
    }
    return ExactEvaluation(
      values: logits,
      errorBound: layer.pooling == .mean
        ? layer.meanFactor * (errorBound + FixedPoint.unit) + FixedPoint.unit : errorBound)
  }

  private static func relu(_ x: FixedPoint) -> FixedPoint { x < FixedPoint(0) ? FixedPoint(0) : x }

  private static func largest(_ count: Int, _ value: (Int) -> Double) -> Double {
    (0..<count).reduce(0) { max($0, value($1)) }
  }
}
