// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import TestSupport

/// Small networks of every kind that the model knows, and images for them.
enum SampleNetworks {
  /// A random network, verified: every head, both paddings, images that are squares or not, kernels of 1 to 5 rows, 2 to 100
  /// classes, deviations from 1 or not, steps from the proof, from the power method, or too long.
  static func random(_ seed: UInt64) throws -> VerifiedNetwork {
    var random = CounterRandom(seed: seed, purpose: .test, major: 77)
    let window = [1, 2, 2, 3][random.below(4)]
    let imageChannels = 1 + random.below(3)
    let head = ModelRecipe.Head.allCases[random.below(4)]
    var configuration = ModelRecipe(
      convolutionLayers: random.below(3), channels: imageChannels * (1 + random.below(3)),
      convolutionInner: 1 + random.below(6), linearLayers: random.below(3),
      linearInner: 1 + random.below(12), head: head,
      image: ImageShape(
        channels: imageChannels, height: window * (1 + random.below(3)),
        width: window * (1 + random.below(3))))
    configuration.pooling = window
    configuration.kernel = 1 + 2 * random.below(3)
    configuration.padding = random.below(2) == 0 ? .zero : .clone
    configuration.classes =
      head == .lln
      ? 2 + random.below(random.below(4) == 0 ? 99 : 9)
      : 2 + random.below(max(1, min(99, configuration.features - 1)))
    if configuration.features < 2 { configuration.head = .lln }
    let deviates = random.below(2) == 0
    var network = CPLNetwork<Float>(
      configuration.layers(
        mean: random.uniforms(imageChannels, limit: 0.5),
        standardDeviation: (0..<imageChannels).map { _ in
          deviates ? Float(0.2 + random.uniform()) : 1
        }), seed: seed)
    let scale = Float(1 + 3 * random.uniform())
    for index in network.layers.indices {
      network.layers[index].updateParameters { _, value in
        for element in value.elements.indices { value.elements[element] *= scale }
      }
    }
    if random.below(5) == 0 {
      for index in network.steppedLayers {
        network[stepped: index].stepRule = .fixed
        network[stepped: index].stepSize = Float(random.uniform())
      }
    }
    return try VerifiedNetwork(
      network, profile: random.below(3) == 0 ? .published : .corrected, workers: .serial
    ) { _, _ in }
  }

  /// Images of the network's shape: pixels uniform in the box, in its corners, or near its middle.
  static func images(
    _ network: CPLNetwork<Float>, count: Int, seed: UInt64
  ) -> Tensor<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 78)
    let size = network.inputShape.reduce(1, *)
    let elements = (0..<count).flatMap { image in
      (0..<size).map { _ in
        switch image % 3 {
        case 0: Float(random.uniform())
        case 1: Float(0.25 + 0.5 * random.uniform())
        default: Float(random.below(2))
        }
      }
    }
    return Tensor(shape: [count] + network.inputShape, elements: elements)
  }
}

/// Networks whose certificates are exactly tight: up to rounding the nearest image of another class
/// lies at the certified radius.
enum TightNetworks {
  static let imageShape: ImageShape = [3, 4, 4]
  private static var features: Int { imageShape.count }

  /// A linear map and the maximum.
  static func linear(_ seed: UInt64, classes: Int) throws -> VerifiedNetwork {
    try verify([], rows: Tensor.uniform([classes, features], seed))
  }

  /// A convex potential layer W and a head whose rows lie in W's kernel, so that the layer hides
  /// nothing from the head: its Jacobian I − hWᵀDW is the identity on them.
  static func oneLayer(_ seed: UInt64, classes: Int) throws -> VerifiedNetwork {
    let weights = Tensor.uniform([12, features], seed &+ 1000)
    var basis: [[Double]] = []
    for unit in 0..<weights.shape[0] {
      basis.append(normalized(orthogonalized(weights.row(unit).map { Double($0) }, to: basis)))
    }
    var rows = Tensor.uniform([classes, features], seed)
    for label in 0..<classes {
      let row = orthogonalized(rows.row(label).map { Double($0) }, to: basis)
      rows.elements.replaceSubrange(
        label * features..<(label + 1) * features, with: row.map { Float($0) })
    }
    let layer = CPLLinear<Float>(
      name: "linear.0", weights: weights, bias: Tensor.uniform([12], seed &+ 2000),
      stepRule: .verified, stepSize: 0,
      powerVector: CPLNetwork.randomUnitVector(shape: [features], seed: seed, stream: 0))
    return try verify([layer], rows: rows)
  }

  /// Images whose nearest images of another class lie in the box.
  static func images(count: Int, seed: UInt64) -> Tensor<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 79)
    return Tensor(
      shape: [count] + imageShape.extents,
      elements: (0..<count * features).map { _ in Float(0.3 + 0.4 * random.uniform()) })
  }

  private static func verify(
    _ layers: [any Layer<Float>], rows: Tensor<Float>
  ) throws -> VerifiedNetwork {
    let body: [any Layer<Float>] = [
      Normalize(
        name: "normalize", mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1], image: [3, 4, 4]),
      Flatten(name: "flatten", image: imageShape),
    ]
    let head = LastLayerNormalised(
      name: "head", weights: rows, bias: Tensor.uniform([rows.shape[0]], 5))
    return try VerifiedNetwork(
      CPLNetwork(layers: body + layers + [head]), profile: .corrected, workers: .serial
    ) { _, _ in }
  }

  private static func orthogonalized(_ x: [Double], to basis: [[Double]]) -> [Double] {
    var x = x
    for _ in 0..<2 {
      for direction in basis {
        let along = zip(x, direction).reduce(0) { $0 + $1.0 * $1.1 }
        for index in x.indices { x[index] -= along * direction[index] }
      }
    }
    return x
  }

  private static func normalized(_ x: [Double]) -> [Double] {
    let length = EuclideanNorm.upperBound(x)
    return x.map { $0 / length }
  }
}

extension Tensor where Scalar == Float {
  /// Numbers uniform in [−½, ½) from a seed.
  fileprivate static func uniform(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var random = CounterRandom(seed: seed, purpose: .test, major: 80)
    return Tensor(shape: shape, elements: random.uniforms(shape.reduce(1, *), limit: 0.5))
  }
}

extension Tensor {
  /// One row of the outermost extent.
  func row(_ position: Int) -> ArraySlice<Scalar> {
    let stride = shape.dropFirst().reduce(1, *)
    return elements[position * stride..<(position + 1) * stride]
  }
}
