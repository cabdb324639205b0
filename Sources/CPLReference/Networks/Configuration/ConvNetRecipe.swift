// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures

/// The size of a ConvNet of "1-Lipschitz Layers Compared" (Prach, Brau, Buttazzo and Lampert, CVPR 2024), one skeleton for
/// every kind of layers:
///
///     Normalize → PaddingChannels(w) → 1×1 layer → MaxMin
///               → (m × (layer → MaxMin) → first half of the channels → PixelUnshuffle(2)) × blocks
///               → maxima of what pixels are left → 1×1 layer → first coordinates as classes
///
/// Behind a layer there may be ReLU in the place of MaxMin. Each block has twice the channels of the one before it; the last one's kernels have a single tap. The published
/// sizes have m = 5, and XS w = 16, S 32, M 64, L 128. Certificates take √2 for a margin's constant.
public struct ConvNetRecipe: Equatable, Sendable {
  /// What its layers are, by the name that recipes have for them.
  public var layer: String
  /// w, the channels of the first block.
  public var width: Int
  /// m, the layers of a block.
  public var depth: Int
  /// The number of blocks, each at half of the height and width before.
  public var blocks = 5
  /// The height and width of the kernels, odd.
  public var kernel = 3
  /// k of SOC layers, the last power in their series; what `SOCKind` has where nil.
  public var terms: Int?
  /// What stands behind each layer but the last.
  public var activation = ConvNetActivation.maxMin
  /// The number of classes.
  public var classes = 10
  /// The shape of the images.
  public var image = ImageShape(channels: 3, height: 32, width: 32)

  /// The network with these layers, and the defaults for the rest.
  public init(layer: String, width: Int, depth: Int) {
    (self.layer, self.width, self.depth) = (layer, width, depth)
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case layer, width, depth, blocks, kernel, terms, activation, classes
    case imageChannels = "image_channels"
    case imageSide = "image_side"
    case imageHeight = "image_height"
    case imageWidth = "image_width"
  }

  /// The name under which a configuration has it.
  package static let name = "convnet"

  /// The names of the layers that it can have.
  package static var layers: [String] {
    LayerSpecification.kinds.filter { $0.blockOptions(channels: 2, kernel: 1) != nil }
      .compactMap { $0.family }
  }

  /// The layers, for images normalised by `mean` and `standardDeviation` (one number a channel).
  ///
  /// - Precondition: `problem` is nil.
  package func layers(mean: [Float], standardDeviation: [Float]) -> [LayerSpecification] {
    var layers: [LayerSpecification] = [
      .normalize(mean: mean, standardDeviation: standardDeviation, image: image),
      .padding(.zero, image: image, channels: width),
    ]
    var shape = image.with(channels: width)
    layers += activated(shape, kernel: 1)
    for block in 0..<blocks {
      let kernel = block < blocks - 1 ? kernel : 1
      for _ in 0..<depth { layers += activated(shape, kernel: kernel) }
      layers.append(.firstChannels(shape.channels / 2, of: shape.extents))
      let half = shape.with(channels: shape.channels / 2)
      layers.append(.pixelUnshuffle(image: half, window: 2))
      shape = half.pooled(by: 2).with(channels: 2 * shape.channels)
    }
    if shape.height > 1 {
      layers.append(.maxPool(image: shape, window: shape.height))
      shape = shape.pooled(by: shape.height)
    }
    return layers + [
      layer(shape, kernel: 1), .flatten(image: shape),
      .poolingLinear(.truncate, features: shape.channels, classes: classes),
    ]
  }

  private func activated(_ shape: ImageShape, kernel: Int) -> [LayerSpecification] {
    [layer(shape, kernel: kernel), activation.layer(shape.extents)]
  }

  private func layer(_ shape: ImageShape, kernel: Int) -> LayerSpecification {
    for kind in LayerSpecification.kinds where kind.family == layer {
      guard var given = kind.blockOptions(channels: shape.channels, kernel: kernel) else {
        continue
      }
      given[.terms] = terms.map { .integer($0) }
      var options = LayerOptions(given)
      if let layer = try? kind.init(following: shape.extents, &options) {
        return LayerSpecification(layer)
      }
    }
    preconditionFailure("no layers '\(layer)'")
  }

  /// What makes these numbers impossible, as (key, expected, found); nil when they fit together.
  package var problem: (key: String, expected: String, found: String)? {
    guard Self.layers.contains(layer) else {
      return (
        CodingKeys.layer.rawValue, "one of " + Self.layers.joined(separator: ", "), "'\(layer)'"
      )
    }
    let sizes: [(CodingKeys, Int, ClosedRange<Int>)] = [
      (.width, width, 2...1024), (.depth, depth, 0...100), (.blocks, blocks, 1...8),
      (.kernel, kernel, 1...15), (.classes, classes, 2...100_000),
      (.imageChannels, image.channels, 1...64), (.imageHeight, image.height, 1...512),
      (.imageWidth, image.width, 1...512),
    ]
    for (key, value, range) in sizes where !range.contains(value) {
      return (key.rawValue, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
    if let terms, layer != SOCKind.family || !TruncatedExponential.supportedTerms.contains(terms) {
      let range = TruncatedExponential.supportedTerms
      return (
        CodingKeys.terms.rawValue,
        "\(range.lowerBound) to \(range.upperBound), of SOC layers alone",
        "\(terms)"
      )
    }
    if kernel % 2 == 0 { return (CodingKeys.kernel.rawValue, "an odd number", "\(kernel)") }
    if width % 2 != 0 || width < image.channels {
      return (
        CodingKeys.width.rawValue, "an even number, at least image_channels \(image.channels)",
        "\(width)"
      )
    }
    if !image.isSquare || !image.isTiled(by: 1 << blocks) {
      return (
        CodingKeys.blocks.rawValue,
        "blocks that can halve square images, of \(image.height)×\(image.width) pixels", "\(blocks)"
      )
    }
    // The last block but one has the smallest images that wider kernels see.
    let side = image.height >> max(0, blocks - 2)
    if blocks > 1, kernel / 2 > side {
      return (CodingKeys.kernel.rawValue, "at most \(2 * side + 1)", "\(kernel)")
    }
    if classes > width << blocks {
      return (CodingKeys.classes.rawValue, "at most \(width << blocks)", "\(classes)")
    }
    return nil
  }
}

/// What stands behind the layers of a `ConvNetRecipe`.
public enum ConvNetActivation: String, Codable, CaseIterable, Sendable {
  /// Neighbouring channels in descending order, as the published networks have it.
  case maxMin = "max-min"
  /// max(x, 0).
  case relu

  func layer(_ shape: [Int]) -> LayerSpecification {
    switch self {
    case .maxMin: .maxMin(shape: shape)
    case .relu: .relu(shape: shape)
    }
  }
}

extension ConvNetRecipe: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      layer: try container.decode(String.self, forKey: .layer),
      width: try container.decode(Int.self, forKey: .width),
      depth: try container.decode(Int.self, forKey: .depth))
    try container.update(&blocks, .blocks)
    try container.update(&kernel, .kernel)
    terms = try container.decodeIfPresent(Int.self, forKey: .terms)
    try container.update(&activation, .activation)
    try container.update(&classes, .classes)
    try container.update(&image.channels, .imageChannels)
    if let side = try container.decodeIfPresent(Int.self, forKey: .imageSide) {
      (image.height, image.width) = (side, side)
    }
    try container.update(&image.height, .imageHeight)
    try container.update(&image.width, .imageWidth)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(layer, forKey: .layer)
    try container.encode(width, forKey: .width)
    try container.encode(depth, forKey: .depth)
    try container.encode(blocks, forKey: .blocks)
    try container.encode(kernel, forKey: .kernel)
    try container.encodeIfPresent(terms, forKey: .terms)
    if activation != .maxMin { try container.encode(activation, forKey: .activation) }
    try container.encode(classes, forKey: .classes)
    try container.encode(image.channels, forKey: .imageChannels)
    if image.isSquare {
      try container.encode(image.height, forKey: .imageSide)
    } else {
      try container.encode(image.height, forKey: .imageHeight)
      try container.encode(image.width, forKey: .imageWidth)
    }
  }
}
