import CPLDatasets

/// How layers stand in files: as Swift writes an enumeration, by the case's name and the values' labels.
/// The height and the width of square images are one number there, `side`, as they were before there
/// were others: the descriptions of such networks, and with them their digests, stay as they are.
extension LayerSpecification: Codable {
  private enum Kind: String, CodingKey {
    case normalize, padding, convolution, normPool, flatten, linear, lastLayerNormalised
    case poolingLinear
  }

  private enum Field: String, CodingKey {
    case mean, standardDeviation, side, height, width, inputChannels, channels, inner, kernel, step
    case window, inputShape, features, classes
    case unlabelled = "_0"
  }

  public init(from decoder: any Decoder) throws {
    let layer = try decoder.container(keyedBy: Kind.self)
    guard let kind = layer.allKeys.first, layer.allKeys.count == 1 else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: layer.codingPath, debugDescription: "one layer of a known kind"))
    }
    let fields = try layer.nestedContainer(keyedBy: Field.self, forKey: kind)
    func value<Value: Decodable>(_ field: Field) throws -> Value {
      try fields.decode(Value.self, forKey: field)
    }
    func image(channels: Int) throws -> ImageShape {
      guard let side = try fields.decodeIfPresent(Int.self, forKey: .side) else {
        return ImageShape(
          channels: channels, height: try value(.height), width: try value(.width))
      }
      return ImageShape(channels: channels, height: side, width: side)
    }
    switch kind {
    case .normalize:
      let mean: [Float] = try value(.mean)
      self = .normalize(
        mean: mean, standardDeviation: try value(.standardDeviation),
        image: try image(channels: mean.count))
    case .padding:
      self = .padding(
        try value(.unlabelled), image: try image(channels: try value(.inputChannels)),
        channels: try value(.channels))
    case .convolution:
      self = .convolution(
        image: try image(channels: try value(.channels)), inner: try value(.inner),
        kernel: try value(.kernel), step: try value(.step))
    case .normPool:
      self = .normPool(
        image: try image(channels: try value(.channels)), window: try value(.window))
    case .flatten:
      self = .flatten(image: try value(.inputShape))
    case .linear:
      self = .linear(
        features: try value(.features), inner: try value(.inner), step: try value(.step))
    case .lastLayerNormalised:
      self = .lastLayerNormalised(features: try value(.features), classes: try value(.classes))
    case .poolingLinear:
      self = .poolingLinear(
        try value(.unlabelled), features: try value(.features), classes: try value(.classes))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var layer = encoder.container(keyedBy: Kind.self)
    func fields(_ kind: Kind) -> KeyedEncodingContainer<Field> {
      layer.nestedContainer(keyedBy: Field.self, forKey: kind)
    }
    func encode(_ image: ImageShape, in fields: inout KeyedEncodingContainer<Field>) throws {
      if image.isSquare {
        try fields.encode(image.height, forKey: .side)
      } else {
        try fields.encode(image.height, forKey: .height)
        try fields.encode(image.width, forKey: .width)
      }
    }
    switch self {
    case .normalize(let mean, let standardDeviation, let image):
      var fields = fields(.normalize)
      try fields.encode(mean, forKey: .mean)
      try fields.encode(standardDeviation, forKey: .standardDeviation)
      try encode(image, in: &fields)
    case .padding(let padding, let image, let channels):
      var fields = fields(.padding)
      try fields.encode(padding, forKey: .unlabelled)
      try fields.encode(image.channels, forKey: .inputChannels)
      try fields.encode(channels, forKey: .channels)
      try encode(image, in: &fields)
    case .convolution(let image, let inner, let kernel, let step):
      var fields = fields(.convolution)
      try fields.encode(image.channels, forKey: .channels)
      try fields.encode(inner, forKey: .inner)
      try fields.encode(kernel, forKey: .kernel)
      try fields.encode(step, forKey: .step)
      try encode(image, in: &fields)
    case .normPool(let image, let window):
      var fields = fields(.normPool)
      try fields.encode(image.channels, forKey: .channels)
      try fields.encode(window, forKey: .window)
      try encode(image, in: &fields)
    case .flatten(let image):
      var fields = fields(.flatten)
      try fields.encode(image, forKey: .inputShape)
    case .linear(let features, let inner, let step):
      var fields = fields(.linear)
      try fields.encode(features, forKey: .features)
      try fields.encode(inner, forKey: .inner)
      try fields.encode(step, forKey: .step)
    case .lastLayerNormalised(let features, let classes):
      var fields = fields(.lastLayerNormalised)
      try fields.encode(features, forKey: .features)
      try fields.encode(classes, forKey: .classes)
    case .poolingLinear(let pooling, let features, let classes):
      var fields = fields(.poolingLinear)
      try fields.encode(pooling, forKey: .unlabelled)
      try fields.encode(features, forKey: .features)
      try fields.encode(classes, forKey: .classes)
    }
  }
}
