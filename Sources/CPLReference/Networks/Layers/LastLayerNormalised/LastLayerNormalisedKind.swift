// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `LastLayerNormalised` with its sizes.
public struct LastLayerNormalisedKind: LayerKind {
  public static let codingName = "lastLayerNormalised"
  public static let name = "last-layer-normalised"
  public static let place = LayerPlace.head

  public let features: Int
  public let classes: Int

  public var shapes: (input: [Int], output: [Int])? {
    arePossible(features, classes) && classes >= 2 ? ([features], [classes]) : nil
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("weight", [classes, features]), ("bias", [classes])]
  }

  public var summary: String { "normalised last layer, \(classes) classes" }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    LastLayerNormalised(name: name, weights: parameters[0], bias: parameters[1])
  }
}

extension LastLayerNormalisedKind {
  public static var samples: [LayerSample] {
    [LayerSample([9], [.classes: 4])]
  }

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    classes = try options.integer(.classes)
  }

  public static func published(_ shapes: [String: [Int]]) -> PublishedLayer? {
    guard Set(shapes.keys) == ["weight", "bias"], let weight = shapes["weight"], weight.count == 2
    else { return nil }
    return PublishedLayer(inputs: weight[1], classes: weight[0])
  }
}

extension LayerSpecification {
  public static func lastLayerNormalised(features: Int, classes: Int) -> LayerSpecification {
    .init(LastLayerNormalisedKind(features: features, classes: classes))
  }
}
