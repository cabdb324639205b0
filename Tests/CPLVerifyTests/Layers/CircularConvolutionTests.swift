// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// Convex potential layers whose convolution is circular: against PyTorch (`fixtures/circular`), against explicit
/// matrices, and attacked.
@Suite("Circular convex potential layers") struct CircularConvolutionTests {
  private static let step = StepSize(rule: .power, value: 0)

  @Test(
    "outputs are PyTorch's to 1e-12, gradients to 1e-10",
    arguments: [("wide", [3, 6, 8]), ("small", [4, 2, 3]), ("point", [2, 4, 4])])
  func parity(_ name: String, _ shape: [Int]) throws {
    let file = try HDF5File.open(
      Fixture.repository.appending(path: "fixtures/circular/circular.h5").path)
    func input(_ key: String) throws -> Tensor<Double> {
      try file.readTensor(of: Float.self, from: "/inputs/\(name)/\(key)").converted()
    }
    func output(_ key: String) throws -> Tensor<Double> {
      try file.readTensor(of: Double.self, from: "/f64/\(name)/\(key)")
    }
    let kernel = try input("kernel")
    let specification = LayerSpecification.convolution(
      image: ImageShape(channels: shape[0], height: shape[1], width: shape[2]),
      inner: kernel.shape[0], kernel: kernel.shape[2], step: Self.step, padding: .circular)
    var layer = try #require(
      specification.value.makeLayer(
        name: "circular", parameters: [kernel, try input("bias")], buffers: [try input("u")])
        as? any SteppedLayer<Double>)
    let follow = layer.deriveWeights(densePowerGradient: false)
    #expect(relativeError(layer.powerVector, try output("u_after")) < 1e-12)
    #expect(abs(layer.stepSize / (try output("step")).elements[0] - 1) < 1e-12)
    let (y, cache) = layer.forward(
      try input("x"), recording: .everything, workers: Workers(threads: 2))
    #expect(relativeError(y, try output("y")) < 1e-12)
    var (x, gradient) = layer.backward(try input("g"), cache, workers: Workers(threads: 2))
    follow(&gradient, .serial)
    #expect(relativeError(x, try output("grad_x")) < 1e-10)
    for (name, value) in zip(["kernel", "bias"], gradient.parameters) {
      #expect(relativeError(value, try output("grad_\(name)")) < 1e-10, "\(name)")
    }
  }

  /// A layer with random weights, after some iterations of the power method.
  private static func layer(_ image: ImageShape, kernel: Int, seed: UInt64) throws
    -> any SteppedLayer<Float>
  {
    let network = CPLNetwork<Float>(
      [
        .convolution(
          image: image, inner: 1 + Int(seed) % 4, kernel: kernel, step: step, padding: .circular)
      ], seed: seed)
    var layer = try #require(network.layers[0] as? any SteppedLayer<Float>)
    _ = layer.updateStep(iterations: 50)
    return layer
  }

  @Test("the norm on the torus is within what is proved, and so is the layer's constant")
  func explicitMatrix() throws {
    for seed in 0..<12 as Range<UInt64> {
      let image = ImageShape(
        channels: 1 + Int(seed) % 3, height: 2 + Int(seed) % 4, width: 3 + Int(seed) % 3)
      var layer = try Self.layer(image, kernel: seed % 3 == 2 ? 5 : 3, seed: seed)
      let norm = try #require(try layer.bounded.spectralNorm())
      let map = (layer.converted(to: Double.self) as? any SteppedLayer<Double>)?.linearMap
      let columns = try (0..<image.count).flatMap { column in
        var unit = Tensor<Double>(shape: image.extents)
        unit.elements[column] = 1
        return try #require(map).apply(unit).elements
      }
      let exact = try #require(
        LAPACK.singularValues(
          columns, rows: image.count, columns: columns.count / image.count)?.first)
      #expect(norm.lowerBound <= exact * (1 + 1e-13) && exact <= norm.upperBound * (1 + 1e-13))
      #expect(norm.relativeWidth <= 1e-6)
      layer.stepSize = Float(1.9 / (norm.upperBound * norm.upperBound))
      #expect(try layer.bounded.lipschitzUpperBound(norm) == 1)
      layer.stepSize = Float(3 / (norm.upperBound * norm.upperBound))
      #expect(abs(try layer.bounded.lipschitzUpperBound(norm) - 2) < 1e-5)
    }
  }

  @Test("a gradient is the sum of its subtrees', for any number of threads")
  func order() throws {
    let layer = try Self.layer([3, 6, 5], kernel: 3, seed: 6)
    let x = Tensor<Float>.normal([21, 3, 6, 5], stream: 811)
    let g = Tensor<Float>.normal([21, 3, 6, 5], stream: 812)
    func gradient(_ range: Range<Int>, threads: Int = 1) -> [Float] {
      let workers = Workers(threads: threads)
      let (_, cache) = layer.forward(x.slice(range), recording: .everything, workers: workers)
      let sums = layer.backward(g.slice(range), cache, workers: workers).parameters
      return sums.parameters.flatMap(\.elements) + sums.derived
    }
    let whole = gradient(0..<21)
    #expect(whole == gradient(0..<21, threads: 3))
    #expect(whole == zip(gradient(0..<16), gradient(16..<21)).map { $0 + $1 })
  }

  /// A random small network of one to three such layers.
  private static func network(seed: UInt64) -> CPLNetwork<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 82)
    let image = ImageShape(
      channels: 1 + random.below(3), height: 2 + random.below(5), width: 2 + random.below(5))
    var layers: [LayerSpecification] = [
      .normalize(
        mean: random.uniforms(image.channels, limit: 0.5),
        standardDeviation: (0..<image.channels).map { _ in Float(0.3 + random.uniform()) },
        image: image)
    ]
    for _ in 0...random.below(3) {
      layers.append(
        .convolution(
          image: image, inner: 1 + random.below(5), kernel: 1 + 2 * random.below(3), step: step,
          padding: .circular))
    }
    layers += [
      .flatten(image: image),
      .lastLayerNormalised(features: image.count, classes: 2 + random.below(4)),
    ]
    return CPLNetwork(layers, seed: seed)
  }

  @Test("no attack reaches a sound radius in random networks")
  func attacks() throws {
    var count = 0
    let networks = Hunt.isSlow ? 1000 : 30
    for seed in 0..<UInt64(networks) {
      let verified = try VerifiedNetwork(
        Self.network(seed: seed), profile: .corrected, workers: .serial
      ) { _, _ in }
      #expect(
        verified.bounds.layers.allSatisfy { $0.stepSize == nil || $0.lipschitzUpperBound == 1 })
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let (predictions, radii) = try certified.certify(images, workers: .serial)
      let hunt = Hunt(images: images, radii: radii, predictions: predictions)
      count += hunt.count
      let refusal = #expect(throws: (any Error).self) {
        try CertifiedNetwork(EvaluatedNetwork(verified), .local)
      }
      #expect(refusal.map { "\($0)" }?.contains("circular") == true)
      let executed = certified.network.binary64
      #expect(try hunt.brokenByDescent(verified, in: executed) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: executed, points: Float.self) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: executed, points: Double.self) == 0, "seed \(seed)")
    }
    #expect(count > 2 * networks)
  }

  private static func list(_ convolution: String) throws -> [LayerSpecification] {
    try ExperimentConfiguration(
      yaml: """
        name: x
        model:
        - normalize: { channels: 3, side: 8 }
        - convolution: { inner: 5, \(convolution) }
        - flatten
        - last-layer-normalised: { classes: 3 }
        training: { epochs: 1 }
        """, path: "x.yml"
    ).model.layers
  }

  @Test("a list of layers names the padding, and a file keeps it")
  func files() throws {
    let layers = try Self.list("kernel: 3, padding: circular")
    #expect((layers[1].value as? ConvolutionKind)?.padding == .circular)
    #expect((try Self.list("kernel: 3")[1].value as? ConvolutionKind)?.padding == .zero)
    #expect(throws: ReferenceError.self) { try Self.list("kernel: 19, padding: circular") }
    #expect(throws: ReferenceError.self) { try Self.list("padding: reflect") }
    let network = CPLNetwork<Float>(layers, seed: 2)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let description = CheckpointDescription(
      profile: .corrected, createdBy: "a test", gitCommit: "none")
    try network.write(to: path, description: description)
    let checkpoint = try Checkpoint(path: path)
    #expect(try checkpoint.network.digest() == network.digest())
    #expect(checkpoint.network.layers.map(\.specification) == layers)
    // The published names say nothing of padding.
    #expect(throws: ReferenceError.self) {
      try checkpoint.writeSafetensors(to: path + ".safetensors", description: description)
    }
  }

  @Test("what a state dictionary does not say of its layers can be said")
  func settings() throws {
    let path = Fixture.repository.appending(path: "fixtures/convnet").path + "/"
    let told = try Checkpoint.read(
      path + "cpl.pth",
      settings: UnstoredSettings(convolutionPadding: .circular, regularization: 1e-3))
    let kinds = told.network.layers.compactMap { $0.specification.value as? ConvolutionKind }
    #expect(kinds.count == 7)
    #expect(kinds.allSatisfy { $0.padding == .circular && $0.step.regularization == 1e-3 })
    #expect(
      !told.notes.contains { $0.contains("--convolution-padding") || $0.contains("σ̂²") })
    let silent = try Checkpoint.read(path + "cpl.pth").notes
    #expect(silent.contains { $0.contains("--convolution-padding sets it") })
    #expect(silent.contains { $0.contains("--regularization sets it") })
    let zero = try Checkpoint.read(
      path + "aol.pth",
      settings: UnstoredSettings(convolutionPadding: .zero, regularization: 1e-2))
    let json = try JSONEncoder().encode(zero.network.layers.map(\.specification))
    #expect(
      try JSONDecoder().decode([LayerSpecification].self, from: json)
        == zero.network.layers.map(\.specification))
    #expect(
      zero.network.layers.compactMap { $0.specification.value as? AOLConvolutionKind }
        .allSatisfy { $0.regularization == 1e-2 })
    let norms = try [zero, try Checkpoint.read(path + "aol.pth")].map {
      try $0.network.layers[2].bounded.spectralNorm()?.upperBound ?? .infinity
    }
    #expect(norms[0] < norms[1])
    #expect(
      zero.network.layers.allSatisfy {
        ($0.specification.value as? AOLConvolutionKind)?.padding != .circular
      })
    for (file, settings) in [
      ("soc.pth", UnstoredSettings(convolutionPadding: .circular)),
      ("sll.pth", UnstoredSettings(convolutionPadding: .zero)),
      ("sll.pth", UnstoredSettings(regularization: 2)),
      ("aol.pth", UnstoredSettings(regularization: -1e-3)),
      ("cpl.pth", UnstoredSettings(regularization: 0)),
      ("cpl.pth", UnstoredSettings(regularization: .nan)),
    ] {
      #expect(throws: ReferenceError.self, "\(file) \(settings)") {
        _ = try Checkpoint.read(path + file, settings: settings)
      }
    }
  }

  @Test("ε of SLL's q can be said: t of a 1×1 layer is the definition's")
  func regularizedSLL() throws {
    let path = Fixture.repository.appending(path: "fixtures/convnet/sll.pth").path
    let epsilon = 0.03
    let told = try Checkpoint.read(path, settings: UnstoredSettings(regularization: epsilon))
    #expect(!told.notes.contains { $0.contains("--regularization") })
    #expect(
      try Checkpoint.read(path).notes.contains { $0.contains("--regularization sets it") })
    let first = try #require(
      told.network.layers.first { $0.specification.value is SLLConvolutionKind }
        as? any ConvexPotentialLayer<Float>)
    let values = first.parameters.map { $0.value.elements.map(Double.init) }
    let (weights, parameter) = (values[0], values[2])
    let (inner, inputs) = (parameter.count, values[0].count / parameter.count)
    let q = parameter.map { $0.magnitude + epsilon }
    func product(_ i: Int, _ j: Int) -> Double {
      (0..<inputs).reduce(0) { $0 + weights[i * inputs + $1] * weights[j * inputs + $1] }
    }
    let wide = try #require(first.converted(to: Double.self) as? any ConvexPotentialLayer<Double>)
    let ones = [Double](repeating: 1, count: first.inputShape.reduce(1, *))
    let executed = wide.linearMap.apply(Tensor(shape: first.inputShape, elements: ones)).elements
    let pixels = executed.count / inner
    for i in 0..<inner {
      let sum = (0..<inner).reduce(0) { $0 + product(i, $1).magnitude * q[$1] / q[i] }
      let row = (0..<inputs).reduce(0) { $0 + weights[i * inputs + $1] }
      let expected = row / (sum + epsilon).squareRoot()
      #expect(abs(executed[i * pixels] - expected) <= 1e-6 * (1 + expected.magnitude))
    }
    let json = try JSONEncoder().encode(told.network.layers.map(\.specification))
    #expect(
      try JSONDecoder().decode([LayerSpecification].self, from: json)
        == told.network.layers.map(\.specification))
    // SLL's own networks have no such ε.
    let own = Fixture.repository.appending(path: "fixtures/sll").path
    for name in try FileManager.default.contentsOfDirectory(atPath: own)
    where name.hasSuffix(".pth") || name.hasSuffix(".pt") {
      #expect(throws: ReferenceError.self, "\(name)") {
        _ = try Checkpoint.read(
          "\(own)/\(name)", settings: UnstoredSettings(regularization: epsilon))
      }
    }
  }
}
