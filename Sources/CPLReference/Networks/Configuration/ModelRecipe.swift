// SPDX-License-Identifier: Apache-2.0

import CPLDatasets

/// The size of a network of convex potential layers, or of layers of another kind in their place:
///
///     Normalize → PaddingChannels → convolution × depth → NormPool → Flatten
///               → dense × linear depth → head
public struct ModelRecipe: Codable, Equatable, Sendable {
  /// What stands behind the last convex potential layer.
  public enum Head: String, Codable, Sendable, CaseIterable {
    /// Last layer normalised.
    case lln
    /// `PoolingLinear`, by its pooling.
    case trunc, mean, max
  }

  /// The name of convex potential layers.
  package static let standard = "cpl"

  /// What the layers that are counted below are, by the name that recipes have for them.
  public var body = standard
  /// The number of convolutional layers.
  public var convolutionLayers: Int
  /// Their channels, C.
  public var channels: Int
  /// Their inner channels.
  public var convolutionInner = 5
  /// The height and width of their kernels, odd.
  public var kernel = 3
  /// The number of dense layers.
  public var linearLayers: Int
  /// Their hidden units.
  public var linearInner: Int
  /// The last layer.
  public var head = Head.lln
  /// How the image's channels become `channels`.
  public var padding = ChannelPadding.zero
  /// The height and width of the pooling window.
  public var pooling = 4
  /// The number of classes.
  public var classes = 10
  /// The shape of the images.
  public var image = ImageShape(channels: 3, height: 32, width: 32)
  /// c in every layer's h = c/(σ̂² + 1e-4): 2 in the paper. With a larger one the network is not
  /// 1-Lipschitz: that makes the non-robust networks that attacks are compared on.
  public var stepNumerator: Float = 2

  /// A network of these sizes, with the defaults for the rest.
  public init(
    convolutionLayers: Int, channels: Int, convolutionInner: Int = 5, linearLayers: Int,
    linearInner: Int, head: Head = .lln, classes: Int = 10,
    image: ImageShape = ImageShape(channels: 3, height: 32, width: 32)
  ) {
    self.convolutionLayers = convolutionLayers
    self.channels = channels
    self.convolutionInner = convolutionInner
    self.linearLayers = linearLayers
    self.linearInner = linearInner
    self.head = head
    self.classes = classes
    self.image = image
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case convolutionLayers = "convolution_layers"
    case channels
    case convolutionInner = "convolution_inner"
    case kernel
    case linearLayers = "linear_layers"
    case linearInner = "linear_inner"
    case head, padding, pooling, classes
    case imageChannels = "image_channels"
    /// The height and width of square images; of others there are two keys.
    case imageSide = "image_side"
    case imageHeight = "image_height"
    case imageWidth = "image_width"
    case stepNumerator = "step_numerator"
  }

  /// d, the number of features behind the pooling.
  package var features: Int { pooled.count }

  /// The shape behind the pooling.
  private var pooled: ImageShape { hidden.pooled(by: pooling) }

  /// The shape between the convolutional layers.
  private var hidden: ImageShape { image.with(channels: channels) }

  /// The layers, for images normalised by `mean` and `standardDeviation` (one number a channel).
  ///
  /// - Precondition: `problem` is nil.
  package func layers(mean: [Float], standardDeviation: [Float]) -> [LayerSpecification] {
    var layers: [LayerSpecification] = [
      .normalize(mean: mean, standardDeviation: standardDeviation, image: image),
      .padding(padding, image: image, channels: channels),
    ]
    layers += Array(repeating: layer(.convolution(of: body)).layer, count: convolutionLayers)
    layers += [.normPool(image: hidden, window: pooling), .flatten(image: pooled)]
    layers += Array(repeating: layer(.dense(of: body)).layer, count: linearLayers)
    switch head {
    case .lln: layers.append(.lastLayerNormalised(features: features, classes: classes))
    case .trunc: layers.append(.poolingLinear(.truncate, features: features, classes: classes))
    case .mean: layers.append(.poolingLinear(.mean, features: features, classes: classes))
    case .max: layers.append(.poolingLinear(.max, features: features, classes: classes))
    }
    return layers
  }

  /// A layer of one part, and the option that it does not have.
  private func layer(_ part: RecipePart) -> (layer: LayerSpecification, stray: String?) {
    guard let kind = LayerSpecification.kinds.first(where: { $0.recipePart == part }) else {
      preconditionFailure("no layers for \(part)")
    }
    var given: [LayerOption: LayerOptions.Value]
    let input: [Int]
    switch part {
    case .convolution:
      given = [.inner: .integer(convolutionInner), .kernel: .integer(kernel)]
      input = hidden.extents
    case .dense: (given, input) = ([.inner: .integer(linearInner)], [features])
    }
    if stepNumerator != 2 { given[.stepNumerator] = .number(stepNumerator) }
    var options = LayerOptions(given)
    guard let layer = try? kind.init(following: input, &options) else {
      preconditionFailure("\(kind.name) is no \(part)")
    }
    return (LayerSpecification(layer), options.leftOver)
  }

  /// What makes these numbers impossible, as (key, expected, found); nil when they fit together.
  package var problem: (key: String, expected: String, found: String)? {
    let sizes: [(CodingKeys, Int, ClosedRange<Int>)] =
      [
        (.convolutionLayers, convolutionLayers, 0...1000), (.channels, channels, 1...4096),
        (.convolutionInner, convolutionInner, 1...4096), (.kernel, kernel, 1...15),
        (.linearLayers, linearLayers, 0...1000), (.linearInner, linearInner, 1...65536),
        (.pooling, pooling, 1...512), (.classes, classes, 2...100_000),
        (.imageChannels, image.channels, 1...64),
      ] + imageExtents.map { ($0.key, $0.extent, 1...512) }
    for (key, value, range) in sizes where !range.contains(value) {
      return (key.rawValue, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
    if !(stepNumerator > 0 && stepNumerator <= 1000) {
      return (CodingKeys.stepNumerator.rawValue, "above 0, at most 1000", "\(stepNumerator)")
    }
    if kernel % 2 == 0 { return (CodingKeys.kernel.rawValue, "an odd number", "\(kernel)") }
    if !image.isTiled(by: pooling) {
      let extents = imageExtents.map { "\($0.key.rawValue) \($0.extent)" }
      return (
        CodingKeys.pooling.rawValue, "a divisor of \(extents.joined(separator: " and "))",
        "\(pooling)"
      )
    }
    if padding == .clone ? channels % image.channels != 0 : channels < image.channels {
      let expected =
        padding == .clone ? "a multiple of image_channels" : "at least image_channels"
      return (CodingKeys.channels.rawValue, "\(expected) \(image.channels)", "\(channels)")
    }
    if head != .lln, features < classes {
      return (CodingKeys.head.rawValue, "at least one feature a class", "\(features) features")
    }
    if let stray = layer(.convolution(of: body)).stray {
      return (stray, "none with layers of '\(body)', which do not have it", "\(stepNumerator)")
    }
    return nil
  }

  /// Height and width under the keys that they are written with.
  private var imageExtents: [(key: CodingKeys, extent: Int)] {
    image.isSquare
      ? [(.imageSide, image.height)] : [(.imageHeight, image.height), (.imageWidth, image.width)]
  }
}

extension ModelRecipe {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      convolutionLayers: try container.decode(Int.self, forKey: .convolutionLayers),
      channels: try container.decode(Int.self, forKey: .channels),
      linearLayers: try container.decode(Int.self, forKey: .linearLayers),
      linearInner: try container.decode(Int.self, forKey: .linearInner))
    try container.update(&convolutionInner, .convolutionInner)
    try container.update(&kernel, .kernel)
    try container.update(&head, .head)
    try container.update(&padding, .padding)
    try container.update(&pooling, .pooling)
    try container.update(&classes, .classes)
    try container.update(&image.channels, .imageChannels)
    if let side = try container.decodeIfPresent(Int.self, forKey: .imageSide) {
      for key in [CodingKeys.imageHeight, .imageWidth] where container.contains(key) {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: container, debugDescription: "it alone, or image_side alone")
      }
      (image.height, image.width) = (side, side)
    }
    try container.update(&image.height, .imageHeight)
    try container.update(&image.width, .imageWidth)
    try container.update(&stepNumerator, .stepNumerator)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(convolutionLayers, forKey: .convolutionLayers)
    try container.encode(channels, forKey: .channels)
    try container.encode(convolutionInner, forKey: .convolutionInner)
    try container.encode(kernel, forKey: .kernel)
    try container.encode(linearLayers, forKey: .linearLayers)
    try container.encode(linearInner, forKey: .linearInner)
    try container.encode(head, forKey: .head)
    try container.encode(padding, forKey: .padding)
    try container.encode(pooling, forKey: .pooling)
    try container.encode(classes, forKey: .classes)
    try container.encode(image.channels, forKey: .imageChannels)
    for (key, extent) in imageExtents { try container.encode(extent, forKey: key) }
    try container.encode(stepNumerator, forKey: .stepNumerator)
  }
}

extension KeyedDecodingContainer {
  /// Replaces `value` by what stands under `key`, if anything does.
  package func update<Value: Decodable>(_ value: inout Value, _ key: Key) throws {
    if let found = try decodeIfPresent(Value.self, forKey: key) { value = found }
  }

  /// Replaces `value` by the one of its kind that is named under `key`, if any is.
  package func update<Value>(_ value: inout Value, _ key: Key) throws
  where Value: Decodable & CaseIterable & RawRepresentable<String> {
    guard let name = try decodeIfPresent(String.self, forKey: key) else { return }
    guard let found = Value(rawValue: name) else {
      let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self, debugDescription: "one of \(names)")
    }
    value = found
  }
}

/// The part of a layer in a recipe, with the name that recipes have for such layers.
public enum RecipePart: Equatable, Sendable {
  /// Of convolutions, by their name.
  case convolution(of: String)
  /// Of dense layers, by their name.
  case dense(of: String)

  package var name: String {
    switch self {
    case .convolution(let name), .dense(let name): name
    }
  }
}

extension ModelRecipe {
  /// The names of what recipes can be of.
  package static var bodies: [String] {
    LayerSpecification.kinds.compactMap { kind in
      if case .convolution(let name)? = kind.recipePart { name } else { nil }
    }
  }
}
