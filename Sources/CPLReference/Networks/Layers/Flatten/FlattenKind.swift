// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `Flatten` with its size.
package struct FlattenKind: LayerKind {
  package static let codingName = "flatten"
  package static let name = "flatten"

  package let image: ImageShape

  package var shapes: (input: [Int], output: [Int])? {
    isPossible(image) ? (image.extents, [image.count]) : nil
  }

  package var summary: String { "\(image.count) features" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    Flatten(name: name, image: image)
  }

  enum CodingKeys: String, CodingKey {
    case image = "inputShape"
  }
}

extension FlattenKind {
  package static var samples: [LayerSample] {
    [LayerSample([2, 3, 4])]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
  }
}

extension LayerSpecification {
  package static func flatten(image: ImageShape) -> LayerSpecification {
    .init(FlattenKind(image: image))
  }
}
