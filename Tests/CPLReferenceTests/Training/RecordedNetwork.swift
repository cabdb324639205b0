// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport

/// The small network of the fixture's groups `net` and `training`.
struct RecordedNetwork {
  /// Its convex potential layers under PyTorch's names, in forward order.
  static let powerLayers = [
    "stable_block.0", "stable_block.1", "stable_block.2", "layers_linear.1", "layers_linear.2",
  ]

  /// Its layers with parameters under PyTorch's names, in forward order, with their parameters'.
  static let parameterNames: [(layer: String, parameters: [String])] =
    powerLayers.map { ($0, [$0.hasPrefix("stable") ? "kernel" : "weights", "bias"]) }
    + [("last_last", ["weight", "bias"])]

  /// Where the layers with parameters stand among all.
  static let parameterPositions = [2, 3, 4, 7, 8, 9]

  /// The network as both of PyTorch's runs start from it.
  static func initial<Scalar: TensorScalar>(
    _ type: Scalar.Type = Scalar.self
  ) throws -> CPLNetwork<Scalar> {
    let configuration = ModelRecipe(
      convolutionLayers: 3, channels: 6, linearLayers: 2, linearInner: 24, image: [3, 16, 16])
    let mean: Tensor<Float> = try Fixture.input("net/mean")
    let specifications = configuration.layers(
      mean: mean.elements, standardDeviation: [1, 1, 1])
    var parameters = [[Tensor<Scalar>]](repeating: [], count: specifications.count)
    var buffers = [[Tensor<Scalar>]](repeating: [], count: specifications.count)
    for (position, (layer, names)) in zip(parameterPositions, parameterNames) {
      parameters[position] = try names.map { try Fixture.input("net/parameters/\(layer)/\($0)") }
      buffers[position] = try specifications[position].bufferShapes.map {
        try Fixture.input("net/buffers/\(layer)/u").reshaped($0.shape)
      }
    }
    return CPLNetwork(specifications, parameters: parameters, buffers: buffers)
  }
}

extension CPLNetwork {
  /// u of every convex potential layer.
  var powerVectors: [Tensor<Scalar>] {
    steppedLayers.map { self[stepped: $0].powerVector }
  }

  /// h of every convex potential layer.
  var stepSizes: [Scalar] { steppedLayers.map { self[stepped: $0].stepSize } }

  /// Every parameter's elements, one after another.
  var allParameters: [Double] {
    layers.flatMap { $0.parameters.flatMap { $0.value.elements.map { Double($0) } } }
  }

  /// σ̂ as the steps h = 2/(σ̂² + 1e-4) remember it.
  var estimates: [Double] {
    stepSizes.map { (2 / Double($0) - StepSize.regularization).squareRoot() }
  }
}
