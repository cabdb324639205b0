// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

/// Networks whose binary32 and binary64 evaluations tell different classes, because every bias of the
/// head is as large as the binary32 format allows the logits to differ.
enum ShiftedHeads {
  /// One of `TightNetworks` with `shift` added to every bias of the head: in real arithmetic the same
  /// margins, classes and radii.
  static func network(_ seed: UInt64, classes: Int, shift: Float) throws -> VerifiedNetwork {
    var network = try TightNetworks.linear(seed, classes: classes).network
    network.layers[network.layers.count - 1].updateParameters { index, value in
      guard index == 1 else { return }
      for element in value.elements.indices { value.elements[element] = shift }
    }
    return try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
  }

  /// Images with the labels that `label` gives them from their classes in binary64.
  static func images(
    _ verified: VerifiedNetwork, count: Int, labels label: (Int) -> Int
  ) -> ImageDataset {
    var random = CounterRandom(seed: 9, purpose: .test)
    let shape = verified.network.image
    let unlabelled = ImageDataset(
      name: "noise", classes: verified.network.classes, imageShape: shape,
      pixels: (0..<count * shape.count).map { _ in UInt8(80 + random.below(96)) },
      labels: Array(repeating: 0, count: count))
    let logits = verified.network.converted(to: Double.self).logits(
      unlabelled.images(at: 0..<count).converted(), workers: .serial)
    return ImageDataset(
      name: "noise", classes: verified.network.classes, imageShape: shape,
      pixels: (0..<count).flatMap { Array(unlabelled.bytes(at: $0)) },
      labels: logits.rowMaxima.map(label))
  }

  /// The table that a judgement makes of images.
  static func table(_ verified: VerifiedNetwork, _ images: ImageDataset) throws -> CertificateTable
  {
    var images = EvaluatedImages(images, EvaluatedNetwork(verified), workers: .serial)
    return try CertificateTable(&images) { _ in }
  }
}

@Suite("Where binary32 and binary64 tell different classes")
struct PrecisionTests {
  @Test("sound accuracy counts the classes that sound radii belong to: biases of 2^27")
  func ties() throws {
    let verified = try ShiftedHeads.network(4, classes: 2, shift: 0x1p27)
    // All binary32 logits tie, so that its class is 0. The labels are 0 where the class is 1.
    let images = ShiftedHeads.images(verified, count: 60) { 1 - $0 }
    let zeros = try images.subset(images.labels.indices.filter { images.labels[$0] == 0 })
    try #require(zeros.count > 5)
    let table = try ShiftedHeads.table(verified, zeros)
    #expect(table.predictions.allSatisfy { $0 == 0 })
    #expect(table.binary64Predictions.allSatisfy { $0 == 1 })
    #expect(table.radii[.sound]!.contains { $0 > 0.01 })
    let summary = EvaluationSummary(table)
    #expect(summary.accuracy == 1 && summary.binary64Accuracy == 0)
    #expect(summary.differingPredictions == zeros.count && summary.nonFinite == 0)
    let epsilon = try #require(Epsilon("0.001"))
    for kind in [CertificateKind.lipschitz, .sound] {
      #expect(table.certifiedAccuracy(kind, at: epsilon) == 0)
    }
  }

  @Test("lipschitz radii are of real arithmetic, whatever the biases: 2^25")
  func lipschitz() throws {
    for seed in 0..<5 as Range<UInt64> {
      let plain = try ShiftedHeads.network(seed, classes: 4, shift: 0)
      let shifted = try ShiftedHeads.network(seed, classes: 4, shift: 0x1p25)
      let images = ShiftedHeads.images(plain, count: 40) { $0 }
      let tables = try [plain, shifted].map { try ShiftedHeads.table($0, images) }
      #expect(tables[0].radii[.lipschitz]!.allSatisfy { $0 > 0 })
      for kind in [CertificateKind.lipschitz, .sound] {
        for (radius, other) in zip(tables[0].radii[kind]!, tables[1].radii[kind]!) {
          // The networks are tight: the radius without the shift is the true distance, but for 1e-12.
          #expect(other <= radius + 1e-12 && other >= radius - 1e-6)
        }
      }
      #expect(zip(tables[1].radii[.lipschitz]!, tables[1].radii[.sound]!).allSatisfy { $0 >= $1 })
    }
  }

  @Test(
    "an audit attacks what binary32 does not resolve, and finds a broken certificate: biases of 2^25",
    arguments: [CertificateKind.lipschitz, .sound])
  func blind(_ kind: CertificateKind) throws {
    let verified = try ShiftedHeads.network(3, classes: 4, shift: 0x1p25)
    let images = ShiftedHeads.images(verified, count: 24) { $0 }
    func audit(scale: Double) throws -> AuditResult {
      try CertificateAudit(
        EvaluatedNetwork(verified), certificate: kind, seed: 0, workers: .serial,
        certify: {
          let (predictions, radii) = try $0.certify($1)
          return (predictions, radii.map { $0 * scale })
        }
      ).run(images) { _ in }
    }
    let broken = try audit(scale: 1.01)
    #expect(broken.verdict == .violated && broken.violations.count == 24)
    #expect(
      broken.violations.allSatisfy { $0.cause != .rounding && $0.attack.hasSuffix("-binary64") })
    #expect(broken.differingPredictions > 0)
    let whole = try audit(scale: 1)
    #expect(whole.verdict == .holds && whole.certified == 24)
    #expect(whole.tightness.allSatisfy { $0 > 1 && $0 < 1.01 })
  }

  @Test("an image whose binary32 logits are not finite is attacked on the binary64 network")
  func overflow() throws {
    // Features of 2^127 at most, half a row's sum of them beyond the largest binary32 number.
    var network = try TightNetworks.linear(2, classes: 3).network
    network.layers[0] = Normalize(
      name: "normalize", mean: [0.5, 0.5, 0.5],
      standardDeviation: Array(repeating: Float(0x1p-128), count: 3), image: [3, 4, 4])
    network.layers[network.layers.count - 1].updateParameters { index, value in
      guard index == 0 else { return }
      for element in value.elements.indices {
        let pixel = element % 48
        value.elements[element] =
          (pixel < 24 ? 1 : -1) + (pixel == element / 48 ? Float(0x1p-10) : 0)
      }
    }
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    var images = ShiftedHeads.images(verified, count: 24) { $0 }
    let bright = (0..<24).flatMap { image in
      Array(images.bytes(at: image)).map { UInt8(200 + Int($0) % 56) }
    }
    images = ImageDataset(
      name: "bright", classes: 3, imageShape: TightNetworks.imageShape, pixels: bright,
      labels: Array(repeating: 0, count: 24))
    let table = try ShiftedHeads.table(verified, images)
    try #require(table.nonFiniteRows.count == 24, "\(table.predictions)")
    #expect(table.predictions.allSatisfy { $0 == -1 })
    #expect(table.accuracy == 0)
    let audit = try CertificateAudit(
      EvaluatedNetwork(verified), certificate: .sound, seed: 0, workers: .serial,
      certify: {
        let (predictions, radii) = try $0.certify($1)
        return (predictions, radii.map { $0 * 1.01 })
      })
    let result = try audit.run(images) { _ in }
    #expect(result.certified > 12)
    #expect(result.verdict == .violated && result.violations.count == result.certified)
  }

  @Test("logits that are not finite are of no class, and nothing is certified of them")
  func notFinite() throws {
    let verified = try TightNetworks.linear(3, classes: 3)
    let network = EvaluatedNetwork(verified)
    for value in [Float.nan, .infinity, -.infinity] {
      let logits = Tensor<Float>(
        shape: [4, 3], elements: [value, 0, 0, 1, value, 0, 3, 2, 1, value, value, value])
      #expect(logits.rowMaxima == [-1, -1, 0, -1])
      let batch = EvaluatedBatch(
        SampleNetworks.images(verified.network, count: 4, seed: 1), network, binary32: logits,
        workers: .serial)
      let (predictions, radii) = try CertifiedNetwork(network, .published).certify(batch)
      #expect(radii[0] == 0 && radii[1] == 0 && radii[2] > 0 && radii[3] == 0)
      #expect(batch.margins.map(\.isNaN) == [true, true, false, true])
      let table = CertificateTable(
        indices: Array(0..<4), labels: [0, 0, 0, 0], predictions: predictions,
        binary64Predictions: [0, -1, 0, 0], margins: batch.margins,
        radii: [.published: radii, .sound: [1, 0, 1, 1]])
      let summary = EvaluationSummary(table)
      #expect(summary.accuracy == 0.25 && summary.binary64Accuracy == 0.75)
      #expect(summary.nonFinite == 3 && table.nonFiniteRows == [0, 1, 3])
      #expect(summary.certifiedAccuracy[.sound]?[Epsilon.published[0]] == 0.75)
    }
  }

  @Test("a radius that nothing limits is the box's diameter, rounded up")
  func unlimited() throws {
    // Two classes with equal rows, of which one is always ahead.
    let head = LastLayerNormalised<Float>(
      name: "head", weights: Tensor(shape: [2, 3], elements: [1, 2, 3, 1, 2, 3]),
      bias: Tensor(shape: [2], elements: [1, 0]))
    let verified = try VerifiedNetwork(
      CPLNetwork(layers: [
        Normalize(
          name: "normalize", mean: [0, 0, 0], standardDeviation: [1, 1, 1], image: [3, 1, 1]),
        Flatten(name: "flatten", image: [3, 1, 1]), head,
      ]), profile: .corrected, workers: .serial
    ) { _, _ in }
    let image = Tensor<Float>(repeating: 0.5, shape: [1, 3, 1, 1])
    let diameter = Rounding.up.squareRoot(3)
    for kind in CertificateKind.allCases {
      let radius = try CertifiedNetwork(EvaluatedNetwork(verified), kind).certify(
        image, workers: .serial
      ).radii[0]
      #expect(radius == diameter, "\(kind)")
    }
  }
}
