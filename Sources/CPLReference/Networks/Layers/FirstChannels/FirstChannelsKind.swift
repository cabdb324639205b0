// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `FirstChannels` with its sizes.
package struct FirstChannelsKind: LayerKind {
  package static let codingName = "firstChannels"
  package static let name = "first-channels"
  package static let isCounted = true
  package static let isNonexpansive = true

  /// Of one input: an image's extents, or a number of features.
  package let shape: [Int]
  package let channels: Int

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(shape), arePossible(channels), channels <= shape[0] else { return nil }
    return (shape, [channels] + shape.dropFirst())
  }

  package var summary: String { "first \(channels)" }

  package static var samples: [LayerSample] {
    [LayerSample([5, 2, 3], [.channels: 2]), LayerSample([9], [.channels: 4])]
  }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    FirstChannels(name: name, shape: shape, channels: channels)
  }
}

extension FirstChannelsKind {
  package init(following input: [Int], _ options: inout LayerOptions) throws {
    shape = input
    channels = try options.integer(.channels)
  }
}

extension LayerSpecification {
  package static func firstChannels(_ channels: Int, of shape: [Int]) -> LayerSpecification {
    .init(FirstChannelsKind(shape: shape, channels: channels))
  }
}
