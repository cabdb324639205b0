// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// `ReLU` with its size.
package struct ReLUKind: LayerKind {
  package static let codingName = "relu"
  package static let name = "relu"
  package static let isCounted = true
  package static let isNonexpansive = true

  /// Of one input: an image's extents, or a number of features.
  package let shape: [Int]

  package var shapes: (input: [Int], output: [Int])? {
    isPossible(shape) ? (shape, shape) : nil
  }

  package var summary: String { "max with 0" }

  package static var samples: [LayerSample] { [LayerSample([3, 3, 2]), LayerSample([7])] }

  package init(following input: [Int], _ options: inout LayerOptions) throws { shape = input }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    ReLU(name: name, shape: shape)
  }
}

extension ReLUKind {
  init(shape: [Int]) { self.shape = shape }
}

extension LayerSpecification {
  package static func relu(shape: [Int]) -> LayerSpecification { .init(ReLUKind(shape: shape)) }
}
