// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `FirstChannels` with its sizes.
public struct FirstChannelsKind: LayerKind {
  public static let codingName = "firstChannels"
  public static let name = "first-channels"
  public static let isCounted = true
  public static let isNonexpansive = true

  /// Of one input: an image's extents, or a number of features.
  public let shape: [Int]
  public let channels: Int

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(shape), arePossible(channels), channels <= shape[0] else { return nil }
    return (shape, [channels] + shape.dropFirst())
  }

  public var summary: String { "first \(channels)" }

  public static var samples: [LayerSample] {
    [LayerSample([5, 2, 3], [.channels: 2]), LayerSample([9], [.channels: 4])]
  }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    FirstChannels(name: name, shape: shape, channels: channels)
  }
}

extension FirstChannelsKind {
  public init(following input: [Int], _ options: inout LayerOptions) throws {
    shape = input
    channels = try options.integer(.channels)
  }
}

extension LayerSpecification {
  public static func firstChannels(_ channels: Int, of shape: [Int]) -> LayerSpecification {
    .init(FirstChannelsKind(shape: shape, channels: channels))
  }
}
