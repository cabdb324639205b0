// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `Flatten` with its size.
public struct FlattenKind: LayerKind {
  public static let codingName = "flatten"
  public static let name = "flatten"

  public let image: ImageShape

  public var shapes: (input: [Int], output: [Int])? {
    isPossible(image) ? (image.extents, [image.count]) : nil
  }

  public var summary: String { "\(image.count) features" }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    Flatten(name: name, image: image)
  }

  enum CodingKeys: String, CodingKey {
    case image = "inputShape"
  }
}

extension FlattenKind {
  public static var samples: [LayerSample] {
    [LayerSample([2, 3, 4])]
  }

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
  }
}

extension LayerSpecification {
  public static func flatten(image: ImageShape) -> LayerSpecification {
    .init(FlattenKind(image: image))
  }
}
