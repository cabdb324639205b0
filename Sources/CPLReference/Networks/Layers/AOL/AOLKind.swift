// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// An AOL layer whose W is a convolution, with its sizes.
public struct AOLConvolutionKind: WeightedKind {
  public static let codingName = "aolConvolution"
  public static let name = "aol-convolution"
  public static let isCounted = true
  public static let isNonexpansive = true
  public static let startsAsIdentity = true
  public static let family: String? = "aol"

  /// The shape of the input.
  public let image: ImageShape
  /// The channels of the output.
  public let inner: Int
  /// k, odd.
  public let kernel: Int
  public var padding = ConvolutionPadding.circular
  /// What is added under the root of `AOLScaling`.
  public var regularization = AOLScaling.regularization

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64,
      regularization > 0, regularization <= 1,
      padding == .zero || kernel / 2 <= min(image.height, image.width)
    else { return nil }
    return (image.extents, image.with(channels: inner).extents)
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, image.channels, kernel, kernel]), ("bias", [inner])]
  }

  public var summary: String {
    "AOL convolution \(kernel)×\(kernel) to \(inner) channels, \(padding.rawValue) padding"
  }

  public static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.channels: 4, .kernel: 3]),
      LayerSample([3, 5, 6], [.channels: 4, .kernel: 3, .padding: "zero"]),
      LayerSample([2, 4, 5], [.kernel: 5]), LayerSample([2, 2, 3], [.kernel: 3]),
      LayerSample([4, 2, 2], [.channels: 3, .kernel: 1]),
    ]
  }

  public static let faults = AOLFaults.all + AOLFaults.paddings

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    AOLLayer(
      name: name, LayerSpecification(self), bias: parameters[1],
      ConvolutionProduct(kernel: parameters[0], padding: padding, image: image),
      regularization: regularization)
  }
}

extension AOLConvolutionKind {
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.inputChannels))
    inner = try fields.value(.channels)
    kernel = try fields.value(.kernel)
    padding = try fields.value(.padding)
    regularization =
      try fields.decodeIfPresent(Double.self, forKey: .regularization) ?? AOLScaling.regularization
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(image.channels, forKey: .inputChannels)
    try fields.encode(inner, forKey: .channels)
    try fields.encode(kernel, forKey: .kernel)
    try fields.encode(padding, forKey: .padding)
    if regularization != AOLScaling.regularization {
      try fields.encode(regularization, forKey: .regularization)
    }
    try fields.encode(sidesOf: image)
  }

  public static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.kernel: .integer(kernel)]
  }

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    inner = try options.integer(.channels, default: image.channels)
    kernel = try options.integer(.kernel, default: 3)
    padding = try options.choice(.padding, default: .circular)
  }
}

/// An AOL layer whose W is a matrix, with its sizes.
public struct AOLLinearKind: WeightedKind {
  public static let codingName = "aolLinear"
  public static let name = "aol-linear"
  public static let isCounted = true
  public static let isNonexpansive = true
  public static let startsAsIdentity = true
  public static let family: String? = "aol"

  public let features: Int
  /// The features of the output.
  public let inner: Int

  public var shapes: (input: [Int], output: [Int])? {
    arePossible(features, inner) ? ([features], [inner]) : nil
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, features]), ("bias", [inner])]
  }

  public var summary: String { "AOL linear to \(inner) features" }

  public static var samples: [LayerSample] {
    [LayerSample([9], [.inner: 5]), LayerSample([6])]
  }

  public static let faults = AOLFaults.all

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    AOLLayer(
      name: name, LayerSpecification(self), bias: parameters[1],
      DenseProduct(weights: parameters[0]))
  }
}

extension AOLLinearKind {
  public init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    inner = try options.integer(.inner, default: features)
  }
}

extension LayerSpecification {
  public static func aolConvolution(
    image: ImageShape, channels: Int, kernel: Int, padding: ConvolutionPadding = .circular
  ) -> LayerSpecification {
    .init(
      AOLConvolutionKind(image: image, inner: channels, kernel: kernel, padding: padding))
  }

  public static func aolLinear(features: Int, inner: Int) -> LayerSpecification {
    .init(AOLLinearKind(features: features, inner: inner))
  }
}
