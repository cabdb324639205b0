import CPLReference

/// The real maps of layers, evaluated with about 106 bits.
///
/// The terms of sums are taken in the order of the executed chains. So every bound of section 5
/// holds with 2⁻¹⁰³ for u, and with twice as many roundings, for products are not fused: what
/// comes out here errs by at most `error` times the bound that is under test.
enum ExactEvaluation {
  /// 2 · 2⁻¹⁰³/2⁻⁵³, and once more as much for what is of higher order.
  static let error = 0x1p-48

  /// A layer applied to one input.
  static func apply(_ layer: any Layer<Double>, to x: [DoubleDouble]) -> [DoubleDouble] {
    switch layer {
    case let layer as Normalize<Double>: normalize(layer, x)
    case let layer as PaddingChannels<Double>: pad(layer, x)
    case let layer as CPLConvolution<Double>: convolve(layer, x)
    case let layer as NormPool<Double>: pool(layer, x)
    case is Flatten<Double>: x
    case let layer as CPLLinear<Double>: linear(layer, x)
    case let layer as LastLayerNormalised<Double>: head(layer, x)
    case let layer as PoolingLinear<Double>: head(layer, x)
    default: preconditionFailure("a new kind of layer: \(layer.specification.kind)")
    }
  }

  private static func normalize(_ layer: Normalize<Double>, _ x: [DoubleDouble]) -> [DoubleDouble] {
    let plane = layer.side * layer.side
    return x.indices.map {
      (x[$0] - DoubleDouble(Double(layer.mean[$0 / plane])))
        / Double(layer.standardDeviation[$0 / plane])
    }
  }

  private static func pad(_ layer: PaddingChannels<Double>, _ x: [DoubleDouble]) -> [DoubleDouble] {
    let count = layer.channels * layer.side * layer.side
    switch layer.padding {
    case .zero: return x + Array(repeating: DoubleDouble(0), count: count - x.count)
    case .clone: return (0..<count).map { x[$0 % x.count] / layer.cloneDivisor }
    }
  }

  private static func pool(_ layer: NormPool<Double>, _ x: [DoubleDouble]) -> [DoubleDouble] {
    let (side, window) = (layer.side, layer.window)
    let outputSide = side / window
    return (0..<layer.channels * outputSide * outputSide).map { index in
      let (plane, place) = index.quotientAndRemainder(dividingBy: outputSide * outputSide)
      let corner =
        (plane * side + place / outputSide * window) * side + place % outputSide * window
      let total = (0..<window * window).reduce(DoubleDouble(0)) {
        $0 + x[corner + $1 / window * side + $1 % window]
      }
      return total / Double(window)
    }
  }

  private static func linear(_ layer: CPLLinear<Double>, _ x: [DoubleDouble]) -> [DoubleDouble] {
    let weights = layer.weights.elements.map { DoubleDouble($0) }
    let (inner, features) = (layer.inner, layer.features)
    let hidden = (0..<inner).map { unit in
      let sum = (0..<features).reduce(DoubleDouble(0)) {
        $0 + weights[unit * features + $1] * x[$1]
      }
      return relu(sum + DoubleDouble(layer.bias.elements[unit]))
    }
    let step = DoubleDouble(layer.stepSize)
    return (0..<features).map { feature in
      let sum = (0..<inner).reduce(DoubleDouble(0)) {
        $0 + weights[$1 * features + feature] * hidden[$1]
      }
      return x[feature] - step * sum
    }
  }

  private static func convolve(
    _ layer: CPLConvolution<Double>, _ x: [DoubleDouble]
  ) -> [DoubleDouble] {
    let kernel = layer.kernel.elements.map { DoubleDouble($0) }
    let shape = layer.kernel.shape
    let (inner, channels, taps, side) = (shape[0], shape[1], shape[2], layer.inputShape[1])
    /// Σ over the taps of one channel of a correlation, the kernel mirrored or not.
    func correlate(
      _ sum: inout DoubleDouble, _ plane: ArraySlice<DoubleDouble>, _ place: Int, weights: Int,
      mirrored: Bool
    ) {
      for tap in 0..<taps * taps {
        let row = place / side + tap / taps - taps / 2
        let column = place % side + tap % taps - taps / 2
        guard 0..<side ~= row, 0..<side ~= column else { continue }
        let weight = kernel[weights + (mirrored ? taps * taps - 1 - tap : tap)]
        sum = sum + weight * plane[plane.startIndex + row * side + column]
      }
    }
    let pixels = side * side
    var hidden: [DoubleDouble] = []
    for unit in 0..<inner * pixels {
      var sum = DoubleDouble(0)
      for channel in 0..<channels {
        correlate(
          &sum, x[channel * pixels..<(channel + 1) * pixels], unit % pixels,
          weights: (unit / pixels * channels + channel) * taps * taps, mirrored: false)
      }
      hidden.append(relu(sum + DoubleDouble(layer.bias.elements[unit / pixels])))
    }
    let step = DoubleDouble(layer.stepSize)
    return x.indices.map { index in
      var sum = DoubleDouble(0)
      for unit in 0..<inner {
        correlate(
          &sum, hidden[unit * pixels..<(unit + 1) * pixels], index % pixels,
          weights: (unit * channels + index / pixels) * taps * taps, mirrored: true)
      }
      return x[index] - step * sum
    }
  }

  private static func head(
    _ layer: LastLayerNormalised<Double>, _ x: [DoubleDouble]
  ) -> [DoubleDouble] {
    (0..<layer.classes).map { label in
      let row = layer.normalized.rows.row(label)
      let sum = zip(row, x).reduce(DoubleDouble(0)) { $0 + DoubleDouble($1.0) * $1.1 }
      return sum + DoubleDouble(layer.bias.elements[label])
    }
  }

  private static func head(_ layer: PoolingLinear<Double>, _ x: [DoubleDouble]) -> [DoubleDouble] {
    (0..<layer.classes).map { label in
      if layer.pooling == .truncate { return x[label] }
      let group = x[label * layer.groupSize..<(label + 1) * layer.groupSize]
      if layer.pooling == .max {
        return group.dropFirst().reduce(group.first!) { $0 < $1 ? $1 : $0 }
      }
      let total = group.reduce(DoubleDouble(0)) { $0 + $1 }
      return DoubleDouble(layer.meanFactor) * (total / Double(layer.groupSize))
    }
  }

  private static func relu(_ x: DoubleDouble) -> DoubleDouble { x.high < 0 ? DoubleDouble(0) : x }
}
