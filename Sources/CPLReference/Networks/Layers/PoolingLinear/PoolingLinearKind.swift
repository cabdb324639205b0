// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `PoolingLinear` with its sizes.
public struct PoolingLinearKind: LayerKind {
  public static let codingName = "poolingLinear"
  public static let name = "pooling-linear"
  public static let place = LayerPlace.head

  public let pooling: FeaturePooling
  public let features: Int
  public let classes: Int

  public var shapes: (input: [Int], output: [Int])? {
    guard arePossible(features, classes), classes >= 2, features >= classes else { return nil }
    return ([features], [classes])
  }

  public var summary: String { "\(pooling.rawValue), \(classes) classes" }

  public func makeLayer<Scalar: TensorScalar>(
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
  public static var samples: [LayerSample] {
    [
      LayerSample([9], [.pooling: "trunc", .classes: 4]),
      LayerSample([9], [.pooling: "mean", .classes: 4]),
      LayerSample([9], [.pooling: "max", .classes: 2]),
    ]
  }

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    pooling = try options.choice(.pooling)
    classes = try options.integer(.classes)
  }
}

extension LayerSpecification {
  public static func poolingLinear(
    _ pooling: FeaturePooling, features: Int, classes: Int
  ) -> LayerSpecification {
    .init(PoolingLinearKind(pooling: pooling, features: features, classes: classes))
  }
}
