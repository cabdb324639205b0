// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `MaxMin` with its size.
package struct MaxMinKind: LayerKind {
  package static let codingName = "maxMin"
  package static let name = "max-min"
  package static let isCounted = true
  package static let isNonexpansive = true

  /// Of one input: an image's extents, or a number of features.
  package let shape: [Int]

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(shape), shape[0] % 2 == 0 else { return nil }
    return (shape, shape)
  }

  package var summary: String { "max and min of pairs" }

  package static var samples: [LayerSample] { [LayerSample([8, 3, 2]), LayerSample([12])] }

  package static let faults = [
    PlantedLayerFault(
      "max-min-pairs", "a MaxMin whose maxima and minima come from different pairs",
      ["layer.nonexpansive"]
    ) { MismatchedPairs() }
  ]

  package init(following input: [Int], _ options: inout LayerOptions) throws { shape = input }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    MaxMin(name: name, shape: shape)
  }
}

extension MaxMinKind {
  init(shape: [Int]) { self.shape = shape }
}

extension LayerSpecification {
  package static func maxMin(shape: [Int]) -> LayerSpecification { .init(MaxMinKind(shape: shape)) }
}

/// The maxima of neighbouring channels, the minima of channels that are half of all apart.
struct MismatchedPairs: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is MaxMinKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    let (channels, count) = (layer.inputShape[0], layer.inputShape.reduce(1, *))
    let (plane, half) = (count / channels, count / 2)
    for index in input.elements.indices where index % count / plane % 2 == 1 {
      let (image, pair) = (index / count * count, index % count / plane / 2)
      let first = image + pair * plane + index % plane
      output.elements[index] = min(input.elements[first], input.elements[first + half])
    }
    return (output, cache)
  }
}
