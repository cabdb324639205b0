// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// An orthogonal dense layer, with its sizes.
public struct CayleyLinearKind: WeightedKind {
  public static let codingName = "cayleyLinear"
  public static let name = "cayley-linear"
  public static let isCounted = true
  public static let family: String? = "cayley"

  public let inputs: Int
  public let outputs: Int

  public var inner: Int { outputs }

  public var shapes: (input: [Int], output: [Int])? {
    arePossible(inputs, outputs) ? ([inputs], [outputs]) : nil
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [outputs, inputs]), ("bias", [outputs])]
  }

  public var summary: String { "Cayley linear \(outputs)" }

  public static var samples: [LayerSample] {
    [
      LayerSample([7], [.features: 12]), LayerSample([9], [.features: 5]), LayerSample([6]),
      LayerSample([1], [.features: 3]),
    ]
  }

  public static let faults = CayleyFaults.all

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    CayleyLayer(
      name: name, LayerSpecification(self), parameters: parameters,
      .matrix(outputs: outputs, inputs: inputs), DenseProduct(weights: parameters[0]))
  }
}

extension CayleyLinearKind {
  public init(following input: [Int], _ options: inout LayerOptions) throws {
    inputs = try input.asFeatures()
    outputs = try options.integer(.features, default: inputs)
  }
}

extension CayleyLinearKind {
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    inputs = try fields.value(.inputs)
    outputs = try fields.value(.outputs)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(inputs, forKey: .inputs)
    try fields.encode(outputs, forKey: .outputs)
  }
}

extension LayerSpecification {
  /// An orthogonal dense layer.
  public static func cayleyLinear(inputs: Int, outputs: Int) -> LayerSpecification {
    .init(CayleyLinearKind(inputs: inputs, outputs: outputs))
  }
}
