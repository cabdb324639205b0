// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import TestSupport
import Testing

/// Orthogonal layers by Cayley's transform: against PyTorch, and what is proved of them.
@Suite("Cayley") struct CayleyTests {
  @Test(
    "outputs are PyTorch's to 1e-12, gradients to 1e-10",
    arguments: [("tall", 13, 20), ("wide", 17, 9), ("square", 12, 12)])
  func parity(_ name: String, inputs: Int, outputs: Int) throws {
    let file = try HDF5File.open(
      Fixture.repository.appending(path: "fixtures/cayley/cayley.h5").path)
    func input(_ what: String) throws -> Tensor<Double> {
      try file.readTensor(of: Float.self, from: "/inputs/\(name)/\(what)").converted()
    }
    func output(_ what: String) throws -> Tensor<Double> {
      try file.readTensor(of: Double.self, from: "/f64/\(name)/\(what)")
    }
    var layer = try #require(
      LayerSpecification.cayleyLinear(inputs: inputs, outputs: outputs).value.makeLayer(
        name: "cayley", parameters: [try input("weights"), try input("bias")], buffers: [])
        as? CayleyLayer<DenseProduct<Double>>)
    let follow = layer.deriveWeights(densePowerGradient: false)
    #expect(relativeError(layer.product.weights, try output("orthogonal")) < 1e-12)
    let (y, cache) = layer.forward(
      try input("x"), recording: .everything, workers: Workers(threads: 2))
    #expect(relativeError(y, try output("y")) < 1e-12)
    var (x, gradient) = layer.backward(try input("g"), cache, workers: Workers(threads: 2))
    follow(&gradient, Workers(threads: 2))
    let parameters = gradient.parameters
    #expect(relativeError(x, try output("grad_x")) < 1e-10)
    #expect(relativeError(parameters[0], try output("grad_weights")) < 1e-10)
    #expect(relativeError(parameters[1], try output("grad_bias")) < 1e-10)
  }

  @Test("the executed matrix is orthogonal to its rounding, whatever the weights' size is")
  func orthogonality() throws {
    for (seed, size) in [1e-20, 1e-3, 1, 30, 1e4].enumerated() {
      for (inputs, outputs) in [(40, 70), (70, 40), (33, 33), (1, 1), (1, 5), (5, 1)] {
        var layer = CPLNetwork<Float>(
          [.cayleyLinear(inputs: inputs, outputs: outputs)], seed: UInt64(seed)
        ).layers[0]
        layer.updateParameters { $1.scale(by: Float(size)) }
        let norm = try #require(try layer.bounded.spectralNorm())
        #expect(norm.relativeWidth <= 1e-6)
        #expect(norm.lowerBound > 1 - 1e-6 && norm.upperBound < 1 + 1e-6)
        let matrix = try #require(layer as? CayleyLayer<DenseProduct<Float>>).product.weights
          .converted(to: Double.self)
        let values = try #require(
          LAPACK.singularValues(matrix.elements, rows: outputs, columns: inputs))
        #expect(values.allSatisfy { abs($0 - 1) < 1e-6 })
        #expect(try layer.bounded.lipschitzUpperBound(norm) == norm.upperBound)
        #expect(values[0] <= norm.upperBound)
      }
    }
  }

  /// A random small network with one or two such layers.
  private static func network(seed: UInt64) -> CPLNetwork<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 82)
    let image = ImageShape(
      channels: 1 + random.below(3), height: 1 + random.below(3), width: 1 + random.below(4))
    let (features, hidden) = (image.count, 2 + random.below(12))
    var layers: [LayerSpecification] = [
      .normalize(
        mean: random.uniforms(image.channels, limit: 0.5),
        standardDeviation: (0..<image.channels).map { _ in Float(0.3 + random.uniform()) },
        image: image),
      .flatten(image: image), .cayleyLinear(inputs: features, outputs: hidden),
    ]
    if random.below(2) == 0 {
      layers += [
        .linear(
          features: hidden, inner: 1 + random.below(8), step: StepSize(rule: .power, value: 0)),
        .cayleyLinear(inputs: hidden, outputs: hidden),
      ]
    }
    layers.append(.lastLayerNormalised(features: hidden, classes: 2 + random.below(6)))
    var network = CPLNetwork<Float>(layers, seed: seed)
    let size = Float(3 * random.uniform())
    for index in network.layers.indices {
      network.layers[index].updateParameters { $1.scale(by: size) }
    }
    return network
  }

  @Test("no attack reaches a sound radius in random networks")
  func attacks() throws {
    let networks = Hunt.isSlow ? 1000 : 30
    var count = 0
    for seed in 0..<UInt64(networks) {
      let verified = try VerifiedNetwork(
        Self.network(seed: seed), profile: .corrected, workers: .serial
      ) { _, _ in }
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let (predictions, radii) = try certified.certify(images, workers: .serial)
      let hunt = Hunt(images: images, radii: radii, predictions: predictions)
      count += hunt.count
      let executed = certified.network.binary64
      #expect(try hunt.brokenByDescent(verified, in: executed) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: executed, points: Float.self) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: executed, points: Double.self) == 0, "seed \(seed)")
    }
    #expect(count > 2 * networks)
    if Hunt.isSlow { print("Cayley: \(count) sound radii, none broken") }
  }

  @Test("local certificates refuse it by name")
  func refusals() throws {
    let evaluated = EvaluatedNetwork(
      try VerifiedNetwork(Self.network(seed: 1), profile: .corrected, workers: .serial) { _, _ in })
    #expect {
      try CertifiedNetwork(evaluated, .local)
    } throws: {
      "\($0)".contains("cayley-linear.0")
    }
  }
}
