/// The size of a network of convex potential layers:
///
///     Normalize → PaddingChannels → CPLConvolution × depth → NormPool → Flatten
///               → CPLLinear × linear depth → head
public struct ModelConfiguration: Codable, Equatable, Sendable {
  /// What stands behind the last convex potential layer.
  public enum Head: String, Codable, Sendable, CaseIterable {
    /// Last layer normalised.
    case lln
    /// `PoolingLinear`, by its pooling.
    case trunc, mean, max
  }

  /// The number of convolutional convex potential layers.
  public var convolutionLayers: Int
  /// Their channels, C.
  public var channels: Int
  /// Their inner channels.
  public var convolutionInner = 5
  /// Their kernels' side, odd.
  public var kernel = 3
  /// The number of dense convex potential layers.
  public var linearLayers: Int
  /// Their hidden units.
  public var linearInner: Int
  public var head = Head.lln
  public var padding = ChannelPadding.zero
  /// The pooling window's side.
  public var pooling = 4
  public var classes = 10
  /// The images' channels.
  public var imageChannels = 3
  /// The images' side.
  public var imageSide = 32
  /// c in every layer's h = c/(σ̂² + 1e-4): 2 in the paper. With a larger one the network is not
  /// 1-Lipschitz: that makes the non-robust networks that attacks are compared on.
  public var stepNumerator: Float = 2

  public init(
    convolutionLayers: Int, channels: Int, convolutionInner: Int = 5, linearLayers: Int,
    linearInner: Int, head: Head = .lln, classes: Int = 10, imageSide: Int = 32
  ) {
    self.convolutionLayers = convolutionLayers
    self.channels = channels
    self.convolutionInner = convolutionInner
    self.linearLayers = linearLayers
    self.linearInner = linearInner
    self.head = head
    self.classes = classes
    self.imageSide = imageSide
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
    case imageSide = "image_side"
    case stepNumerator = "step_numerator"
  }

  /// d, the number of features behind the pooling.
  public var features: Int { channels * (imageSide / pooling) * (imageSide / pooling) }

  /// The layers, for images normalised by `mean` and `standardDeviation` (one number a channel).
  ///
  /// - Precondition: `problem` is nil.
  public func layers(mean: [Float], standardDeviation: [Float]) -> [LayerSpecification] {
    // The step is unknown until the power method has run.
    let step = StepSize(rule: .power, value: 0, numerator: stepNumerator)
    var layers: [LayerSpecification] = [
      .normalize(mean: mean, standardDeviation: standardDeviation, side: imageSide),
      .padding(padding, inputChannels: imageChannels, channels: channels, side: imageSide),
    ]
    layers += Array(
      repeating: .convolution(
        channels: channels, inner: convolutionInner, kernel: kernel, side: imageSide, step: step),
      count: convolutionLayers)
    layers += [
      .normPool(channels: channels, side: imageSide, window: pooling),
      .flatten(inputShape: [channels, imageSide / pooling, imageSide / pooling]),
    ]
    layers += Array(
      repeating: .linear(features: features, inner: linearInner, step: step), count: linearLayers)
    switch head {
    case .lln: layers.append(.lastLayerNormalised(features: features, classes: classes))
    case .trunc: layers.append(.poolingLinear(.truncate, features: features, classes: classes))
    case .mean: layers.append(.poolingLinear(.mean, features: features, classes: classes))
    case .max: layers.append(.poolingLinear(.max, features: features, classes: classes))
    }
    return layers
  }

  /// What makes these numbers impossible, as (key, expected, found); nil when they fit together.
  public var problem: (key: String, expected: String, found: String)? {
    let sizes: [(CodingKeys, Int, ClosedRange<Int>)] = [
      (.convolutionLayers, convolutionLayers, 0...1000), (.channels, channels, 1...4096),
      (.convolutionInner, convolutionInner, 1...4096), (.kernel, kernel, 1...15),
      (.linearLayers, linearLayers, 0...1000), (.linearInner, linearInner, 1...65536),
      (.pooling, pooling, 1...512), (.classes, classes, 2...100_000),
      (.imageChannels, imageChannels, 1...64), (.imageSide, imageSide, 1...512),
    ]
    for (key, value, range) in sizes where !range.contains(value) {
      return (key.rawValue, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
    if !(stepNumerator > 0 && stepNumerator <= 1000) {
      return (CodingKeys.stepNumerator.rawValue, "above 0, at most 1000", "\(stepNumerator)")
    }
    if kernel % 2 == 0 { return (CodingKeys.kernel.rawValue, "an odd number", "\(kernel)") }
    if imageSide % pooling != 0 {
      return (CodingKeys.pooling.rawValue, "a divisor of image_side \(imageSide)", "\(pooling)")
    }
    if padding == .clone ? channels % imageChannels != 0 : channels < imageChannels {
      let expected =
        padding == .clone ? "a multiple of image_channels" : "at least image_channels"
      return (CodingKeys.channels.rawValue, "\(expected) \(imageChannels)", "\(channels)")
    }
    if head != .lln, features < classes {
      return (CodingKeys.head.rawValue, "at least one feature a class", "\(features) features")
    }
    return nil
  }
}

extension ModelConfiguration {
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
    try container.update(&imageChannels, .imageChannels)
    try container.update(&imageSide, .imageSide)
    try container.update(&stepNumerator, .stepNumerator)
  }
}

extension KeyedDecodingContainer {
  /// Replaces `value` by what stands under `key`, if anything does.
  package func update<Value: Decodable>(_ value: inout Value, _ key: Key) throws {
    if let found = try decodeIfPresent(Value.self, forKey: key) { value = found }
  }

  /// Replaces `value` by the one of its kind that is named under `key`, if any is.
  func update<Value>(_ value: inout Value, _ key: Key) throws
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
