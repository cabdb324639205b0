// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `LastLayerNormalised` with its sizes.
package struct LastLayerNormalisedKind: LayerKind {
  package static let codingName = "lastLayerNormalised"
  package static let name = "last-layer-normalised"
  package static let place = LayerPlace.head

  package let features: Int
  package let classes: Int

  package var shapes: (input: [Int], output: [Int])? {
    arePossible(features, classes) && classes >= 2 ? ([features], [classes]) : nil
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weight", [classes, features]), ("bias", [classes])]
  }

  package var summary: String { "normalised last layer, \(classes) classes" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    LastLayerNormalised(name: name, weights: parameters[0], bias: parameters[1])
  }
}

extension LastLayerNormalisedKind {
  package static var samples: [LayerSample] {
    [LayerSample([9], [.classes: 4])]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    classes = try options.integer(.classes)
  }

  package static func published(_ shapes: [String: [Int]]) -> PublishedLayer? {
    guard Set(shapes.keys) == ["weight", "bias"], let weight = shapes["weight"], weight.count == 2
    else { return nil }
    return PublishedLayer(inputs: weight[1], classes: weight[0])
  }
}

extension LayerSpecification {
  package static func lastLayerNormalised(features: Int, classes: Int) -> LayerSpecification {
    .init(LastLayerNormalisedKind(features: features, classes: classes))
  }
}
