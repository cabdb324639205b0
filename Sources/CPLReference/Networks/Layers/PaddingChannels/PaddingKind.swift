// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `PaddingChannels` with its sizes.
package struct PaddingKind: LayerKind {
  package static let codingName = "padding"
  package static let name = "padding"

  package let padding: ChannelPadding
  /// The shape of the input.
  package let image: ImageShape
  /// The number of channels of the output.
  package let channels: Int

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(channels),
      padding == .zero ? channels >= image.channels : channels % image.channels == 0
    else { return nil }
    return (image.extents, image.with(channels: channels).extents)
  }

  package var summary: String { "\(channels) channels (\(padding.rawValue))" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    PaddingChannels(name: name, padding: padding, image: image, channels: channels)
  }
}

extension PaddingKind {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    padding = try fields.value(.unlabelled)
    image = try fields.image(channels: try fields.value(.inputChannels))
    channels = try fields.value(.channels)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(padding, forKey: .unlabelled)
    try fields.encode(image.channels, forKey: .inputChannels)
    try fields.encode(channels, forKey: .channels)
    try fields.encode(sidesOf: image)
  }
}

extension PaddingKind {
  package static var samples: [LayerSample] {
    [
      LayerSample([3, 4, 5], [.channels: 5]),
      LayerSample([2, 3, 3], [.channels: 6, .padding: "clone"]),
    ]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    channels = try options.integer(.channels)
    padding = try options.choice(.padding, default: .zero)
  }
}

extension LayerSpecification {
  package static func padding(
    _ padding: ChannelPadding, image: ImageShape, channels: Int
  ) -> LayerSpecification {
    .init(PaddingKind(padding: padding, image: image, channels: channels))
  }
}
