// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// Almost orthogonal layers and the layers that select: against PyTorch and explicit matrices, and what is proved.
@Suite("AOL and layers that select") struct AOLTests {
  /// What was recorded, and how the layer is called here.
  private static let recordings: [(name: String, layer: LayerSpecification)] = [
    ("circular", .aolConvolution(image: [6, 8, 7], channels: 5, kernel: 3)),
    ("zero", .aolConvolution(image: [6, 8, 7], channels: 5, kernel: 3, padding: .zero)),
    ("wide", .aolConvolution(image: [4, 3, 5], channels: 7, kernel: 5)),
    ("point", .aolConvolution(image: [4, 2, 2], channels: 4, kernel: 1)),
    ("linear", .aolLinear(features: 20, inner: 12)), ("max-min", .maxMin(shape: [6, 2, 5])),
    ("max-min-features", .maxMin(shape: [8])), ("max-pool", .maxPool(image: [4, 4, 6], window: 2)),
    ("first-channels", .firstChannels(3, of: [5, 3, 2])),
    ("pixel-unshuffle", .pixelUnshuffle(image: [3, 4, 6], window: 2)),
  ]

  private func recorded(_ path: String) throws -> Tensor<Double> {
    let file = try HDF5File.open(
      Fixture.repository.appending(path: "fixtures/aol/aol.h5").path)
    return path.hasPrefix("/inputs")
      ? try file.readTensor(of: Float.self, from: path).converted()
      : try file.readTensor(of: Double.self, from: path)
  }

  @Test("outputs are PyTorch's to 1e-12, gradients to 1e-10", arguments: recordings.indices)
  func parity(_ index: Int) throws {
    let (group, specification) = Self.recordings[index]
    let names = specification.parameterShapes.map(\.name)
    var layer: any Layer<Double> = CPLNetwork<Double>(
      [specification], parameters: [try names.map { try recorded("/inputs/\(group)/\($0)") }],
      buffers: [[]]
    ).layers[0]
    var follow: GradientThroughDerivation<Double>?
    if var derived = layer as? any DerivedWeightsLayer<Double> {
      follow = derived.deriveWeights(densePowerGradient: false)
      layer = derived
    }
    let (output, cache) = layer.forward(
      try recorded("/inputs/\(group)/x"), recording: .everything, workers: .serial)
    #expect(relativeError(output, try recorded("/f64/\(group)/y")) < 1e-12)
    var (input, gradient) = layer.backward(
      try recorded("/inputs/\(group)/g"), cache, workers: .serial)
    follow?(&gradient, .serial)
    #expect(relativeError(input, try recorded("/f64/\(group)/grad_x")) < 1e-10)
    for (name, value) in zip(names, gradient.parameters) {
      #expect(relativeError(value, try recorded("/f64/\(group)/grad_\(name)")) < 1e-10, "\(name)")
    }
  }

  @Test("the norm of its matrix lies in an enclosure that is narrower than 1e-6", arguments: 0..<40)
  func enclosure(_ index: Int) throws {
    var random = CounterRandom(seed: UInt64(index), purpose: .test, major: 178)
    let image = ImageShape(
      channels: 1 + random.below(4), height: 3 + random.below(5), width: 3 + random.below(5))
    let specification: LayerSpecification =
      index % 4 == 3
      ? .aolLinear(features: 1 + random.below(40), inner: 1 + random.below(40))
      : .aolConvolution(
        image: image, channels: 1 + random.below(5), kernel: 1 + 2 * random.below(2),
        padding: index % 2 == 0 ? .circular : .zero)
    var layer = CPLNetwork<Float>([specification], seed: 1).layers[0]
    layer.updateParameters { _, value in
      value = Tensor(shape: value.shape, elements: random.normals(value.count))
    }
    let norm = try #require(try layer.bounded.spectralNorm())
    let wide = layer.converted(to: Double.self)
    let (inputs, outputs) = (wide.inputShape.reduce(1, *), wide.outputShape.reduce(1, *))
    func value(_ x: Tensor<Double>) -> [Double] {
      wide.forward(x, recording: .nothing, workers: .serial).output.elements
    }
    let origin = value(Tensor(shape: [1] + wide.inputShape))
    let columns = (0..<inputs).flatMap { input in
      var unit = Tensor<Double>(shape: [1] + wide.inputShape)
      unit.elements[input] = 1
      return zip(value(unit), origin).map(-)
    }
    let exact = try #require(
      LAPACK.singularValues(columns, rows: inputs, columns: outputs)?.first)
    // Differences from the bias round; LAPACK's error is a small multiple of the unit roundoff.
    #expect(norm.lowerBound <= exact * (1 + 1e-12) && exact <= norm.upperBound * (1 + 1e-12))
    #expect(norm.relativeWidth <= 1e-6)
    #expect(norm.upperBound <= 1)
    #expect(try layer.bounded.lipschitzUpperBound(norm) == norm.upperBound)
  }

  @Test("neither padding's norm bounds the other's")
  func paddings() throws {
    for (kernel, isLarger) in [([-1, 1, -1], false), ([1, 1, 1], true)] as [([Float], Bool)] {
      let kernel = Tensor<Float>(shape: [1, 1, 3, 3], elements: [0, 0, 0] + kernel + [0, 0, 0])
      let torus = try VerifiedSpectralNorm.circularConvolution(kernel: kernel, height: 3, width: 3)
      let zeros = try VerifiedSpectralNorm.convolution(kernel: kernel, height: 3, width: 3)
      #expect(torus.method == .frequencies)
      #expect(
        isLarger ? torus.lowerBound > zeros.upperBound : torus.upperBound < zeros.lowerBound)
    }
  }

  @Test("orthogonal and diagonal weights, whose norms AOL makes 1, are not bounded by more")
  func tight() throws {
    for specification in [
      LayerSpecification.aolLinear(features: 7, inner: 7),
      .aolConvolution(image: [5, 6, 6], channels: 5, kernel: 3),
      .aolConvolution(image: [5, 6, 6], channels: 5, kernel: 3, padding: .zero),
    ] {
      // A new layer is the identity.
      var layer = CPLNetwork<Float>([specification], seed: 1).layers[0]
      for size in [1, 3, 1e-2, 777] as [Float] {
        layer.updateParameters { $1.scale(by: size) }
        let norm = try #require(try layer.bounded.spectralNorm())
        // (1 + 1e-6/size²)^(−½) and a few units in the last place.
        #expect(norm.upperBound <= 1 && norm.lowerBound > 0.99)
      }
    }
  }

  @Test(
    "is trained, certified, audited, written and read; refused by name where it cannot be judged")
  func life() throws {
    var network = Self.network(seed: 3)
    let images = SampleNetworks.images(network, count: 48, seed: 5)
    let labels = (0..<48).map { $0 % 3 }
    var adam = Adam<Float>(shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
    var losses: [Float] = []
    for _ in 0..<40 {
      let (loss, _, gradients) = network.trainingGradient(
        images: images, labels: labels, loss: MarginLoss(margin: 0.7), densePowerGradient: false,
        workers: .serial)
      losses.append(loss)
      adam.update(&network, gradients: gradients, learningRate: 0.01, workers: .serial)
    }
    #expect(losses[39] < 0.95 * losses[0])
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    #expect(verified.bounds.lipschitzUpperBound <= 1)
    #expect(verified.bounds.modelClaim == 1)
    let evaluated = EvaluatedNetwork(verified)
    for kind in [CertificateKind.published, .lipschitz, .real, .sound] {
      let radii = try CertifiedNetwork(evaluated, kind).certify(images, workers: .serial).radii
      #expect(radii.contains { $0 > 0 }, "\(kind)")
    }
    #expect(throws: VerificationError.self) { try CertifiedNetwork(evaluated, .local) }
    let error = #expect(throws: VerificationError.self) { try LocalNetwork(evaluated) }
    #expect(String(describing: error).contains("aol-convolution.0"))
    let summary = ModelSummary(network)
    #expect(summary.layers == "aol" && summary.paperName == nil)
    #expect(summary.convolutionLayers == 2 && summary.linearLayers == 1)
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
  }

  /// A network of all these layers on 3×8×8 pictures in 3 classes.
  private static func network(seed: UInt64) -> CPLNetwork<Float> {
    CPLNetwork(
      [
        .normalize(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1], image: [3, 8, 8]),
        .padding(.zero, image: [3, 8, 8], channels: 6),
        .aolConvolution(image: [6, 8, 8], channels: 8, kernel: 3), .maxMin(shape: [8, 8, 8]),
        .firstChannels(4, of: [8, 8, 8]), .pixelUnshuffle(image: [4, 8, 8], window: 2),
        .aolConvolution(image: [16, 4, 4], channels: 16, kernel: 3, padding: .zero),
        .maxMin(shape: [16, 4, 4]), .maxPool(image: [16, 4, 4], window: 4),
        .flatten(image: [16, 1, 1]), .aolLinear(features: 16, inner: 16),
        .poolingLinear(.truncate, features: 16, classes: 3),
      ], seed: seed)
  }

  @Test("what is executed in binary64 is what was bounded in binary32")
  func conversion() throws {
    for seed in 0..<10 as Range<UInt64> {
      for layer in AOLNetworks.random(seed).layers {
        guard layer.specification.value is any WeightedKind else { continue }
        let wide = layer.converted(to: Double.self)
        #expect(try wide.bounded.spectralNorm() == layer.bounded.spectralNorm())
        #expect(wide.parameters.map(\.value) == layer.parameters.map { $0.value.converted() })
      }
    }
  }

  @Test("no attack reaches a sound radius")
  func attacks() throws {
    var count = 0
    for seed in 0..<UInt64(Hunt.isSlow ? 1000 : 40) {
      let verified = try AOLNetworks.verified(seed)
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let (predictions, radii) = try certified.certify(images, workers: .serial)
      let hunt = Hunt(images: images, radii: radii, predictions: predictions)
      count += hunt.count
      let wide = certified.network.binary64
      #expect(try hunt.brokenByDescent(verified, in: wide) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: wide, points: Float.self) == 0, "seed \(seed)")
      #expect(try hunt.brokenByRounding(in: wide, points: Double.self) == 0, "seed \(seed)")
    }
    #expect(count > (Hunt.isSlow ? 1500 : 60))
  }

  @Test("the checks that are named for their faults hold without, and catch each")
  func faults() throws {
    let faults = [AOLConvolutionKind.faults, MaxMinKind.faults].flatMap { $0.map(\.id) }
    #expect(faults.count == 4)
    let checks = PropertySuite.checks.filter {
      ["layer.nonexpansive", "bound.enclosure"].contains($0.id)
    }
    let matrix = try FaultMatrix(
      PlantedFault.all.filter { faults.contains($0.id) }, checks, try CheckSamples.context(),
      stored: try CheckSamples.stored.get(), seeds: 2, clock: { 0 }
    ) { _, _, _ in }
    #expect(matrix.rows.count == 4)
    for row in matrix.rows {
      #expect(row.isCaught, "\(row.fault.id): \(row.results.map(\.measurements))")
    }
    for alarm in matrix.falseAlarms { Issue.record("\(alarm.result)") }
  }

  @Test("the suite raises no alarm over such networks", arguments: 0..<3 as Range<UInt64>)
  func alarms(_ seed: UInt64) throws {
    let verified = try AOLNetworks.verified(seed &+ 3000)
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
}
