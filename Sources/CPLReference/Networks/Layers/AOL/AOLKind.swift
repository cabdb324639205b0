// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// An AOL layer whose W is a convolution, with its sizes.
package struct AOLConvolutionKind: WeightedKind {
  package static let codingName = "aolConvolution"
  package static let name = "aol-convolution"
  package static let isCounted = true
  package static let isNonexpansive = true
  package static let startsAsIdentity = true
  package static let family: String? = "aol"

  /// The shape of the input.
  package let image: ImageShape
  /// The channels of the output.
  package let inner: Int
  /// k, odd.
  package let kernel: Int
  package var padding = ConvolutionPadding.circular
  /// What is added under the root of `AOLScaling`.
  package var regularization = AOLScaling.regularization

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64,
      regularization > 0, regularization <= 1,
      padding == .zero || kernel / 2 <= min(image.height, image.width)
    else { return nil }
    return (image.extents, image.with(channels: inner).extents)
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, image.channels, kernel, kernel]), ("bias", [inner])]
  }

  package var summary: String {
    "AOL convolution \(kernel)×\(kernel) to \(inner) channels, \(padding.rawValue) padding"
  }

  package static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.channels: 4, .kernel: 3]),
      LayerSample([3, 5, 6], [.channels: 4, .kernel: 3, .padding: "zero"]),
      LayerSample([2, 4, 5], [.kernel: 5]), LayerSample([2, 2, 3], [.kernel: 3]),
      LayerSample([4, 2, 2], [.channels: 3, .kernel: 1]),
    ]
  }

  package static let faults = AOLFaults.all + AOLFaults.paddings

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    AOLLayer(
      name: name, LayerSpecification(self), bias: parameters[1],
      ConvolutionProduct(kernel: parameters[0], padding: padding, image: image),
      regularization: regularization)
  }
}

extension AOLConvolutionKind {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.inputChannels))
    inner = try fields.value(.channels)
    kernel = try fields.value(.kernel)
    padding = try fields.value(.padding)
    regularization =
      try fields.decodeIfPresent(Double.self, forKey: .regularization) ?? AOLScaling.regularization
  }

  package func encode(to encoder: any Encoder) throws {
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

  package static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.kernel: .integer(kernel)]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    inner = try options.integer(.channels, default: image.channels)
    kernel = try options.integer(.kernel, default: 3)
    padding = try options.choice(.padding, default: .circular)
  }
}

/// An AOL layer whose W is a matrix, with its sizes.
package struct AOLLinearKind: WeightedKind {
  package static let codingName = "aolLinear"
  package static let name = "aol-linear"
  package static let isCounted = true
  package static let isNonexpansive = true
  package static let startsAsIdentity = true
  package static let family: String? = "aol"

  package let features: Int
  /// The features of the output.
  package let inner: Int

  package var shapes: (input: [Int], output: [Int])? {
    arePossible(features, inner) ? ([features], [inner]) : nil
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, features]), ("bias", [inner])]
  }

  package var summary: String { "AOL linear to \(inner) features" }

  package static var samples: [LayerSample] {
    [LayerSample([9], [.inner: 5]), LayerSample([6])]
  }

  package static let faults = AOLFaults.all

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    AOLLayer(
      name: name, LayerSpecification(self), bias: parameters[1],
      DenseProduct(weights: parameters[0]))
  }
}

extension AOLLinearKind {
  package init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    inner = try options.integer(.inner, default: features)
  }
}

extension LayerSpecification {
  package static func aolConvolution(
    image: ImageShape, channels: Int, kernel: Int, padding: ConvolutionPadding = .circular
  ) -> LayerSpecification {
    .init(
      AOLConvolutionKind(image: image, inner: channels, kernel: kernel, padding: padding))
  }

  package static func aolLinear(features: Int, inner: Int) -> LayerSpecification {
    .init(AOLLinearKind(features: features, inner: inner))
  }
}
