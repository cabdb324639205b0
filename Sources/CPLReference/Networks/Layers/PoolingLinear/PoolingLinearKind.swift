// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `PoolingLinear` with its sizes.
package struct PoolingLinearKind: LayerKind {
  package static let codingName = "poolingLinear"
  package static let name = "pooling-linear"
  package static let place = LayerPlace.head

  package let pooling: FeaturePooling
  package let features: Int
  package let classes: Int

  package var shapes: (input: [Int], output: [Int])? {
    guard arePossible(features, classes), classes >= 2, features >= classes else { return nil }
    return ([features], [classes])
  }

  package var summary: String { "\(pooling.rawValue), \(classes) classes" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    PoolingLinear(name: name, pooling: pooling, features: features, classes: classes)
  }

  enum CodingKeys: String, CodingKey {
    case pooling = "_0"
    case features, classes
  }
}

extension PoolingLinearKind {
  package static var samples: [LayerSample] {
    [
      LayerSample([9], [.pooling: "trunc", .classes: 4]),
      LayerSample([9], [.pooling: "mean", .classes: 4]),
      LayerSample([9], [.pooling: "max", .classes: 2]),
    ]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    pooling = try options.choice(.pooling)
    classes = try options.integer(.classes)
  }
}

extension LayerSpecification {
  package static func poolingLinear(
    _ pooling: FeaturePooling, features: Int, classes: Int
  ) -> LayerSpecification {
    .init(PoolingLinearKind(pooling: pooling, features: features, classes: classes))
  }
}
