import CPLDatasets

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
    func possible(_ image: ImageShape) -> Bool {
      possible(image.channels, image.height, image.width)
    }
    switch self {
    case .normalize(let mean, let deviation, let image):
      guard possible(image), mean.count == image.channels, deviation.count == image.channels,
        mean.allSatisfy(\.isFinite), deviation.allSatisfy({ $0.isFinite && $0.isNormal && $0 > 0 })
      else { return nil }
      return (image.extents, image.extents)
    case .padding(let padding, let image, let channels):
      guard possible(image), possible(channels),
        padding == .zero ? channels >= image.channels : channels % image.channels == 0
      else { return nil }
      return (image.extents, image.with(channels: channels).extents)
    case .convolution(let image, let inner, let kernel, let step):
      guard possible(image), possible(inner, kernel), kernel % 2 == 1, kernel < 64,
        step.isPossible
      else { return nil }
      return (image.extents, image.extents)
    case .normPool(let image, let window):
      guard possible(image), possible(window), image.isTiled(by: window) else { return nil }
      return (image.extents, image.pooled(by: window).extents)
    case .flatten(let image):
      // Three factors of at most 2²⁰ do not overflow.
      guard possible(image) else { return nil }
      return (image.extents, [image.count])
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
