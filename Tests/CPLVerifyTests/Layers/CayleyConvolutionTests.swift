// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// Orthogonal circular convolutions by Cayley's transform: against PyTorch and explicit matrices, and what is proved.
@Suite("Cayley convolutions") struct CayleyConvolutionTests {
  /// What was recorded (`fixtures/cayley/make_cayley.py`), and how the layer is called here.
  private static let recordings:
    [(name: String, image: ImageShape, channels: Int, kernel: Int, isNormalized: Bool)] = [
      ("square-images", [5, 6, 6], 5, 3, false), ("tall-images", [3, 5, 4], 5, 3, false),
      ("wide-images", [6, 4, 7], 4, 3, false), ("wrapped-images", [3, 3, 4], 3, 5, false),
      ("point-images", [4, 3, 2], 3, 1, false), ("normalised-images", [4, 6, 6], 4, 3, true),
      ("normalised-odd-images", [5, 5, 5], 3, 3, true),
      ("normalised-point-images", [4, 4, 4], 6, 1, true),
    ]

  private func recorded(_ path: String) throws -> Tensor<Double> {
    let file = try HDF5File.open(
      Fixture.repository.appending(path: "fixtures/cayley/cayley.h5").path)
    return path.hasPrefix("/inputs")
      ? try file.readTensor(of: Float.self, from: path).converted()
      : try file.readTensor(of: Double.self, from: path)
  }

  @Test("outputs are PyTorch's to 1e-12, gradients to 1e-10", arguments: recordings.indices)
  func parity(_ index: Int) throws {
    let (group, image, channels, kernel, isNormalized) = Self.recordings[index]
    let specification = LayerSpecification.cayleyConvolution(
      image: image, channels: channels, kernel: kernel)
    var kind = try #require(specification.value as? CayleyConvolutionKind)
    kind.isNormalized = isNormalized
    let names = kind.parameterShapes.map(\.name)
    let parameters = try names.map { try recorded("/inputs/\(group)/\($0)") }
    let start: any Layer<Double> = kind.makeLayer(
      name: "cayley", parameters: parameters, buffers: [])
    var layer = try #require(start as? any DerivedWeightsLayer<Double>)
    let follow = layer.deriveWeights(densePowerGradient: false)
    for workers in [Workers.serial, Workers(threads: 3)] {
      let (output, cache) = layer.forward(
        try recorded("/inputs/\(group)/x"), recording: .everything, workers: workers)
      #expect(relativeError(output, try recorded("/f64/\(group)/y")) < 1e-12)
      let g = try recorded("/inputs/\(group)/g")
      var (input, gradient) = layer.backward(g, cache, workers: workers)
      follow(&gradient, workers)
      #expect(relativeError(input, try recorded("/f64/\(group)/grad_x")) < 1e-10)
      #expect(layer.inputGradient(g, cache, workers: .serial).bytes == input.bytes)
      for (name, value) in zip(names, gradient.parameters) {
        #expect(
          relativeError(value, try recorded("/f64/\(group)/grad_\(name)")) < 1e-10, "\(name)")
      }
    }
  }

  @Test("a batch of any size gives the bits of its images", arguments: [1, 3, 8, 9, 17])
  func bits(_ count: Int) {
    var random = CounterRandom(seed: 5, purpose: .test, major: 184)
    let layer = CPLNetwork<Float>(
      [.cayleyConvolution(image: [4, 6, 5], channels: 6, kernel: 3)], seed: 3
    ).layers[0]
    let x = Tensor<Float>(shape: [count, 4, 6, 5], elements: random.normals(count * 120))
    let (whole, _) = layer.forward(x, recording: .nothing, workers: Workers(threads: 2))
    for image in 0..<count {
      let (single, _) = layer.forward(
        x.slice(image..<image + 1), recording: .nothing, workers: .serial)
      #expect(single.bytes == whole.slice(image..<image + 1).bytes)
    }
  }

  /// The matrix of a layer, columns first.
  private func matrix(of layer: any Layer<Double>) -> [Double] {
    let (inputs, outputs) = (layer.inputShape, layer.outputShape.reduce(1, *))
    func value(_ x: Tensor<Double>) -> [Double] {
      layer.forward(x, recording: .nothing, workers: .serial).output.elements
    }
    let origin = value(Tensor(shape: [1] + inputs))
    return (0..<inputs.reduce(1, *)).flatMap { input in
      var unit = Tensor<Double>(shape: [1] + inputs)
      unit.elements[input] = 1
      return (0..<outputs).map { [image = value(unit)] in image[$0] - origin[$0] }
    }
  }

  @Test("the executed map is orthogonal, and its norm is enclosed to 1e-6", arguments: 0..<30)
  func enclosure(_ index: Int) throws {
    var random = CounterRandom(seed: UInt64(index), purpose: .test, major: 185)
    let image = ImageShape(
      channels: 1 + random.below(4), height: 1 + random.below(7), width: 1 + random.below(7))
    let specification = LayerSpecification.cayleyConvolution(
      image: image, channels: 1 + random.below(5), kernel: 1 + 2 * random.below(3))
    let size = [1e-6, 1, 100][index % 3]
    var layer = CPLNetwork<Float>([specification], seed: 1).layers[0]
    layer.updateParameters { position, value in
      let numbers: [Double] = random.normals(value.count)
      value = Tensor(
        shape: value.shape, elements: numbers.map { Float(position == 0 ? size * $0 : 0) })
    }
    let norm = try #require(try layer.bounded.spectralNorm())
    let wide = layer.converted(to: Double.self)
    #expect(try wide.bounded.spectralNorm() == norm)
    let (inputs, outputs) = (wide.inputShape.reduce(1, *), wide.outputShape.reduce(1, *))
    let values = try #require(
      LAPACK.singularValues(matrix(of: wide), rows: inputs, columns: outputs))
    #expect(values.allSatisfy { abs($0 - 1) < 1e-6 })
    // LAPACK's error, and the transform's, are small multiples of the unit roundoff.
    #expect(norm.lowerBound <= values[0] * (1 + 1e-13))
    #expect(values[0] <= norm.upperBound * (1 + 1e-13))
    #expect(norm.relativeWidth <= 1e-6)
    #expect(try layer.bounded.lipschitzUpperBound(norm) == norm.upperBound)
  }

  @Test("back from the frequencies is the same image, of any height and width", arguments: 1...33)
  func basis(_ count: Int) {
    let layer = CPLNetwork<Double>(
      [.cayleyConvolution(image: [1, count, 1], channels: 1, kernel: 3)],
      parameters: [[Tensor(shape: [1, 1, 3, 3]), Tensor(shape: [1])]], buffers: [[]]
    ).layers[0]
    // Of W = 0 Cayley's transform is the identity.
    var random = CounterRandom(seed: 1, purpose: .test, major: 186)
    let x = Tensor<Double>(shape: [1, 1, count, 1], elements: random.normals(count))
    let y = layer.forward(x, recording: .nothing, workers: .serial).output
    #expect(relativeError(y, x) < 1e-15 * Double(4 + count))
  }

  @Test("is trained, certified, written and read; proofs refuse it by name")
  func life() throws {
    var network = Self.network(seed: 3)
    let images = SampleNetworks.images(network, count: 48, seed: 5)
    let labels = (0..<48).map { $0 % 3 }
    let start = network
    var digests: Set<String> = []
    for threads in [1, 2] {
      network = start
      var adam = Adam<Float>(shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
      var losses: [Float] = []
      for _ in 0..<30 {
        let (loss, _, gradients) = network.trainingGradient(
          images: images, labels: labels, loss: MarginLoss(margin: 0.7), densePowerGradient: false,
          workers: Workers(threads: threads))
        losses.append(loss)
        adam.update(&network, gradients: gradients, learningRate: 0.01, workers: .serial)
      }
      #expect(losses[29] < 0.95 * losses[0])
      digests.insert(try network.digest())
    }
    #expect(digests.count == 1)
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    #expect(abs(verified.bounds.lipschitzUpperBound - 1) < 1e-5)
    let evaluated = EvaluatedNetwork(verified)
    for kind in [CertificateKind.published, .lipschitz, .real, .sound] {
      let radii = try CertifiedNetwork(evaluated, kind).certify(images, workers: .serial).radii
      #expect(radii.contains { $0 > 0 }, "\(kind)")
    }
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try network.write(
      to: path,
      description: CheckpointDescription(
        profile: .corrected, createdBy: "a test", gitCommit: "none"))
    let read = try Checkpoint(path: path).network
    #expect(try read.digest() == network.digest())
    #expect(
      read.logits(images, workers: .serial).elements
        == network.logits(images, workers: .serial).elements)
    #expect(ModelSummary(network).layers == "cayley")
  }

  /// A network of such layers on 3×8×8 pictures in 3 classes.
  private static func network(seed: UInt64) -> CPLNetwork<Float> {
    CPLNetwork(
      [
        .normalize(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1], image: [3, 8, 8]),
        .padding(.zero, image: [3, 8, 8], channels: 4),
        .cayleyConvolution(image: [4, 8, 8], channels: 4, kernel: 1), .maxMin(shape: [4, 8, 8]),
        .cayleyConvolution(image: [4, 8, 8], channels: 4, kernel: 3), .maxMin(shape: [4, 8, 8]),
        .firstChannels(2, of: [4, 8, 8]), .pixelUnshuffle(image: [2, 8, 8], window: 2),
        .cayleyConvolution(image: [8, 4, 4], channels: 8, kernel: 3), .maxMin(shape: [8, 4, 4]),
        .maxPool(image: [8, 4, 4], window: 4), .flatten(image: [8, 1, 1]),
        .cayleyLinear(inputs: 8, outputs: 8),
        .poolingLinear(.truncate, features: 8, classes: 3),
      ], seed: seed)
  }

  /// A random small network with one or two such layers.
  private static func random(_ seed: UInt64) -> CPLNetwork<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 187)
    let image = ImageShape(
      channels: 1 + random.below(3), height: 1 + random.below(5), width: 1 + random.below(5))
    var layers: [LayerSpecification] = [
      .normalize(
        mean: random.uniforms(image.channels, limit: 0.5),
        standardDeviation: (0..<image.channels).map { _ in Float(0.3 + random.uniform()) },
        image: image)
    ]
    var shape = image
    for _ in 0..<1 + random.below(2) {
      let channels = 2 * (1 + random.below(3))
      layers += [
        .cayleyConvolution(image: shape, channels: channels, kernel: 1 + 2 * random.below(3)),
        .maxMin(shape: shape.with(channels: channels).extents),
      ]
      shape = shape.with(channels: channels)
    }
    layers.append(.flatten(image: shape))
    layers.append(.lastLayerNormalised(features: shape.count, classes: 2 + random.below(6)))
    var network = CPLNetwork<Float>(layers, seed: seed)
    let size = [0.1, 1, 30][random.below(3)]
    for index in network.layers.indices {
      network.layers[index].updateParameters { position, value in
        let numbers: [Double] = random.normals(value.count)
        value = Tensor(
          shape: value.shape,
          elements: numbers.map { Float(position == 0 ? size * $0 : 0.3 * $0) })
      }
    }
    return network
  }

  @Test(
    "no attack reaches a radius in random networks",
    arguments: [CertificateKind.lipschitz, .sound])
  func attacks(_ kind: CertificateKind) throws {
    let networks = Hunt.isSlow ? 1000 : 25
    var count = 0
    for seed in 0..<UInt64(networks) {
      let verified = try VerifiedNetwork(
        Self.random(seed), profile: .corrected, workers: .serial
      ) { _, _ in }
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), kind)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let (predictions, radii) = try certified.certify(images, workers: .serial)
      let hunt = Hunt(images: images, radii: radii, predictions: predictions)
      count += hunt.count
      let executed = certified.network.binary64
      #expect(try hunt.brokenByDescent(verified, in: executed) == 0, "seed \(seed)")
      // A radius in real arithmetic may be reached by what the evaluation rounds.
      guard kind == .sound else { continue }
      #expect(try hunt.brokenByRounding(in: executed, points: Float.self) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: executed, points: Double.self) == 0, "seed \(seed)")
    }
    #expect(count > 2 * networks)
    if Hunt.isSlow { print("Cayley convolutions: \(count) \(kind) radii, none broken") }
  }

  @Test("a ConvNet's state dictionary is judged as its published code executes it")
  func checkpoint() throws {
    let folder = Fixture.repository.appending(path: "fixtures/cayley")
    let checkpoint = try Checkpoint.read(folder.appending(path: "convnet.pth").path)
    let verified = try VerifiedNetwork(
      checkpoint.network, profile: .corrected, steps: .shipped, workers: .serial
    ) { _, _ in }
    let file = try HDF5File.open(folder.appending(path: "convnet.h5").path)
    let images = try file.readTensor(of: Float.self, from: "/images")
    let expected = try file.readTensor(of: Double.self, from: "/logits/cayley")
    let found = EvaluatedNetwork(verified).binary64.logits(images.converted(), workers: .serial)
    #expect(found.rowMaxima == expected.rowMaxima)
    for image in 0..<4 {
      let (found, expected) = (Array(found.row(image)), Array(expected.row(image)))
      for label in found.indices {
        #expect(abs((found[label] - found[0]) - (expected[label] - expected[0])) <= 1e-5)
      }
    }
    #expect(
      checkpoint.network.layers.count { $0.specification.value is CayleyConvolutionKind } == 7)
    for words in ["of CAYLEY layers", "circular and their weights normalised", "number of classes"]
    {
      #expect(checkpoint.notes.contains { $0.contains(words) }, "\(words): \(checkpoint.notes)")
    }
    #expect(abs(verified.bounds.lipschitzUpperBound - 1) < 1e-5)
    let sound = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
    #expect(try sound.certify(images, workers: .serial).radii.contains { $0 > 0 })
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try checkpoint.network.write(
      to: path, description: checkpoint.description, published: checkpoint.published)
    let copy = try Checkpoint(path: path).network
    #expect(copy.layers.map(\.specification) == checkpoint.network.layers.map(\.specification))
    #expect(try copy.digest() == checkpoint.network.digest())
  }

  @Test("the check that is named for the fault holds without, and catches it")
  func faults() throws {
    let matrix = try FaultMatrix(
      PlantedFault.all.filter { $0.id == "cayley-undoubled" },
      PropertySuite.checks.filter { $0.id == "layer.orthogonal" }, try CheckSamples.context(),
      stored: try CheckSamples.stored.get(), seeds: 2, clock: { 0 }
    ) { _, _, _ in }
    #expect(matrix.rows.count == 1)
    for row in matrix.rows {
      #expect(row.isCaught, "\(row.results.map(\.measurements))")
    }
    for alarm in matrix.falseAlarms { Issue.record("\(alarm.result)") }
  }

  @Test("the suite raises no alarm over such networks", arguments: 0..<2 as Range<UInt64>)
  func alarms(_ seed: UInt64) throws {
    let verified = try VerifiedNetwork(
      Self.random(seed &+ 3000), profile: .corrected, workers: .serial
    ) { _, _ in }
    let alarms = try SoundNetworks.alarms(
      verified, SoundNetworks.images(verified.network, 3),
      but: [
        "layer.constants", "certificate.rule", "gradient.exact", "parity.pytorch",
        "attack.strength", "training.schedule", "data.labels",
      ])
    for alarm in alarms {
      Issue.record("\(alarm.id): \(alarm.verdict): \(alarm.finding)")
    }
  }

  @Test("local certificates and proofs refuse it by name; a single tap is stated")
  func refusals() throws {
    let verified = try VerifiedNetwork(
      Self.network(seed: 1), profile: .corrected, workers: .serial
    ) { _, _ in }
    let evaluated = EvaluatedNetwork(verified)
    #expect {
      try LocalNetwork(evaluated)
    } throws: {
      "\($0)".contains("cayley-convolution.0")
    }
    #expect {
      try ProofBundle(evaluated)
    } throws: {
      "\($0)".contains("cayley-convolution.1")
    }
  }
}
