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

  public static let faults = [
    PlantedLayerFault(
      "cayley-undoubled", "V(I + A)⁻¹ instead of 2V(I + A)⁻¹ in Cayley's transform",
      ["layer.orthogonal"]
    ) { UndoubledTransform() }
  ]

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    CayleyLinear(name: name, weights: parameters[0], bias: parameters[1])
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

/// Cayley's transform with V(I + A)⁻¹ in the place of 2V(I + A)⁻¹: a layer that moves nothing apart, but together.
struct UndoubledTransform: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    guard let kind = specification.value as? CayleyLinearKind else { return false }
    return kind.inputs != kind.outputs
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    guard var cayley = layer as? CayleyLinear<Scalar> else {
      return layer.forward(input, recording: recording, workers: workers)
    }
    let (inputs, square) = (cayley.inputs, min(cayley.inputs, cayley.outputs))
    let matrix = cayley.orthogonal
    cayley.execute(
      Tensor(
        shape: matrix.shape,
        elements: matrix.elements.enumerated().map { index, value in
          max(index / inputs, index % inputs) < square ? value : value / 2
        }))
    return cayley.forward(input, recording: recording, workers: workers)
  }
}
