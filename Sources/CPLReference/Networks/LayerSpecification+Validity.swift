extension LayerSpecification {
  /// Why layers read from a file cannot be a network; nil when they can. Checked before anything
  /// is made of them, so that no number in a file can lead to an overflow or a trap.
  package static func problem(
    in layers: [LayerSpecification]
  ) -> (expected: String, found: String)? {
    guard let first = layers.first, layers.count <= 10_000 else {
      return ("1 to 10000 layers", "\(layers.count)")
    }
    var shape: [Int]?
    for (index, layer) in layers.enumerated() {
      guard let shapes = layer.shapes else {
        return ("layer \(index) (\(layer.kind)) of a possible size", "\(layer)")
      }
      if let shape, shape != shapes.input {
        return ("layer \(index) (\(layer.kind)) to take \(shape)", "\(shapes.input)")
      }
      shape = shapes.output
    }
    guard case .normalize = first else { return ("the first layer to normalise", first.kind) }
    switch layers[layers.count - 1] {
    case .lastLayerNormalised, .poolingLinear: return nil
    default: return ("the last layer to be a head", layers[layers.count - 1].kind)
    }
  }

  /// The shapes that the layer takes and gives; nil when its numbers are impossible.
  private var shapes: (input: [Int], output: [Int])? {
    func possible(_ sizes: Int...) -> Bool { sizes.allSatisfy { (1...1 << 20).contains($0) } }
    switch self {
    case .normalize(let mean, let deviation, let side):
      guard possible(mean.count, side), mean.count == deviation.count,
        mean.allSatisfy(\.isFinite), deviation.allSatisfy({ $0.isFinite && $0.isNormal && $0 > 0 })
      else { return nil }
      return ([mean.count, side, side], [mean.count, side, side])
    case .padding(let padding, let inputs, let channels, let side):
      guard possible(inputs, channels, side),
        padding == .zero ? channels >= inputs : channels % inputs == 0
      else { return nil }
      return ([inputs, side, side], [channels, side, side])
    case .convolution(let channels, let inner, let kernel, let side, let step):
      guard possible(channels, inner, kernel, side), kernel % 2 == 1, kernel < 64, step.isPossible
      else { return nil }
      return ([channels, side, side], [channels, side, side])
    case .normPool(let channels, let side, let window):
      guard possible(channels, side, window), side % window == 0 else { return nil }
      return ([channels, side, side], [channels, side / window, side / window])
    case .flatten(let shape):
      guard shape.count == 3, possible(shape[0], shape[1], shape[2]) else { return nil }
      let (plane, overflow) = shape[1].multipliedReportingOverflow(by: shape[2])
      let (count, again) = plane.multipliedReportingOverflow(by: shape[0])
      return overflow || again ? nil : (shape, [count])
    case .linear(let features, let inner, let step):
      guard possible(features, inner), step.isPossible else { return nil }
      return ([features], [features])
    case .lastLayerNormalised(let features, let classes):
      guard possible(features, classes), classes >= 2 else { return nil }
      return ([features], [classes])
    case .poolingLinear(_, let features, let classes):
      guard possible(features, classes), classes >= 2, features >= classes else { return nil }
      return ([features], [classes])
    }
  }
}

extension StepSize {
  /// Whether the step is a number that a layer can use.
  fileprivate var isPossible: Bool {
    value.isFinite && value >= 0 && numerator > 0 && numerator <= 1000
  }
}
