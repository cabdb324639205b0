// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import TestSupport

/// Small networks of almost orthogonal layers and of all layers that select.
enum AOLNetworks {
  /// A random one: either padding, kernels of 1 or 3 rows, weights of any size, with or without dense layers, every head.
  static func random(_ seed: UInt64) -> CPLNetwork<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 177)
    let image = ImageShape(
      channels: 1 + random.below(3), height: 2 * (1 + random.below(3)),
      width: 2 * (1 + random.below(3)))
    let deviates = random.below(2) == 0
    var layers: [LayerSpecification] = [
      .normalize(
        mean: random.uniforms(image.channels, limit: 0.5),
        standardDeviation: (0..<image.channels).map { _ in
          deviates ? Float(0.2 + random.uniform()) : 1
        }, image: image),
      .padding(.zero, image: image, channels: 4),
    ]
    var shape = [4, image.height, image.width]
    func append(_ layer: LayerSpecification) {
      layers.append(layer)
      shape = layer.value.shapes?.output ?? []
    }
    func hidden() -> ImageShape {
      ImageShape(channels: shape[0], height: shape[1], width: shape[2])
    }
    for _ in 0..<1 + random.below(2) {
      append(
        .aolConvolution(
          image: hidden(), channels: 2 * (1 + random.below(4)), kernel: 1 + 2 * random.below(2),
          padding: ConvolutionPadding.allCases[random.below(2)]))
      append(.maxMin(shape: shape))
    }
    if random.below(2) == 0 { append(.firstChannels(max(1, shape[0] / 2), of: shape)) }
    append(
      random.below(2) == 0
        ? .maxPool(image: hidden(), window: 2) : .pixelUnshuffle(image: hidden(), window: 2))
    append(.flatten(image: hidden()))
    if random.below(2) == 0 {
      append(.aolLinear(features: shape[0], inner: 2 * (1 + random.below(5))))
      append(.maxMin(shape: shape))
    }
    let classes = 2 + random.below(max(1, min(5, shape[0] - 1)))
    append(
      random.below(2) == 0 || shape[0] < classes
        ? .lastLayerNormalised(features: shape[0], classes: classes)
        : .poolingLinear(
          [.truncate, .mean, .max][random.below(3)], features: shape[0], classes: classes))
    var network = CPLNetwork<Float>(layers, seed: seed)
    for index in network.layers.indices {
      let size = [0.01, 1, 30][random.below(3)]
      network.layers[index].updateParameters { position, value in
        let numbers: [Double] = random.normals(value.count)
        value = Tensor(
          shape: value.shape,
          elements: numbers.map { Float(position == 0 ? size * $0 : 0.3 * $0) })
      }
    }
    return network
  }

  static func verified(_ seed: UInt64) throws -> VerifiedNetwork {
    try VerifiedNetwork(random(seed), profile: .corrected, workers: .serial) { _, _ in }
  }
}
