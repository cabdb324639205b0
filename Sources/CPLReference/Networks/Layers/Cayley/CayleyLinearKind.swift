// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// An orthogonal dense layer, with its sizes.
package struct CayleyLinearKind: WeightedKind {
  package static let codingName = "cayleyLinear"
  package static let name = "cayley-linear"
  package static let isCounted = true
  package static let family: String? = "cayley"

  package let inputs: Int
  package let outputs: Int

  package var inner: Int { outputs }

  package var shapes: (input: [Int], output: [Int])? {
    arePossible(inputs, outputs) ? ([inputs], [outputs]) : nil
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [outputs, inputs]), ("bias", [outputs])]
  }

  package var summary: String { "Cayley linear \(outputs)" }

  package static var samples: [LayerSample] {
    [
      LayerSample([7], [.features: 12]), LayerSample([9], [.features: 5]), LayerSample([6]),
      LayerSample([1], [.features: 3]),
    ]
  }

  package static let faults = CayleyFaults.all

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    CayleyLayer(
      name: name, LayerSpecification(self), parameters: parameters,
      .matrix(outputs: outputs, inputs: inputs), DenseProduct(weights: parameters[0]))
  }
}

extension CayleyLinearKind {
  package init(following input: [Int], _ options: inout LayerOptions) throws {
    inputs = try input.asFeatures()
    outputs = try options.integer(.features, default: inputs)
  }
}

extension CayleyLinearKind {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    inputs = try fields.value(.inputs)
    outputs = try fields.value(.outputs)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(inputs, forKey: .inputs)
    try fields.encode(outputs, forKey: .outputs)
  }
}

extension LayerSpecification {
  /// An orthogonal dense layer.
  package static func cayleyLinear(inputs: Int, outputs: Int) -> LayerSpecification {
    .init(CayleyLinearKind(inputs: inputs, outputs: outputs))
  }
}
