// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Sound certificates")
struct SoundCertificateTests {
  @Test("no attack reaches a sound radius, in networks of every kind")
  func attacks() throws {
    var count = 0
    for seed in 0..<UInt64(Hunt.isSlow ? 3000 : 100) {
      let verified = try SampleNetworks.random(seed &+ 10_000)
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let hunt = try Self.hunt(images, certified)
      count += hunt.count
      #expect(
        try hunt.brokenByDescent(verified, in: certified.network.binary64) == 0, "seed \(seed)")
      #expect(
        try hunt.brokenByRounding(in: certified.network.binary64, points: Float.self) == 0,
        "seed \(seed)")
      #expect(
        try hunt.brokenByRounding(in: certified.network.binary64, points: Double.self) == 0,
        "seed \(seed)")
    }
    #expect(count > 100)
  }

  @Test(
    "where certificates are tight, rounding breaks those without an error term and not the sound ones"
  )
  func testBed() throws {
    let perNetwork = 100
    var (total, lipschitz, lipschitz64, sound) = (0, 0, 0, 0)
    for seed in 0..<UInt64(Hunt.isSlow ? 1000 : 20) {
      let classes = 2 + Int(seed % 5) * 2
      let verified =
        try seed % 2 == 0
        ? TightNetworks.linear(seed, classes: classes)
        : TightNetworks.oneLayer(seed, classes: classes)
      let images = TightNetworks.images(count: perNetwork, seed: seed)
      let network = verified.network
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)

      let logits = network.logits(images, workers: .serial)
      let executed32 = Hunt(
        images: images, radii: try verified.unprotectedRadii(logits),
        predictions: logits.rowMaxima)
      lipschitz += try executed32.brokenByRounding(in: network, points: Float.self)

      let wideLogits = certified.network.binary64.logits(images.converted(), workers: .serial)
      let executed64 = Hunt(
        images: images, radii: try verified.unprotectedRadii(wideLogits),
        predictions: wideLogits.rowMaxima)
      lipschitz64 += try executed64.brokenByRounding(
        in: certified.network.binary64, points: Double.self)

      let hunt = try Self.hunt(images, certified)
      total += hunt.count
      sound += try hunt.brokenByRounding(in: certified.network.binary64, points: Double.self)
      sound += try hunt.brokenByRounding(in: certified.network.binary64, points: Float.self)
    }
    if Hunt.isSlow {
      print(
        "test bed: \(total) sound radii, \(sound) broken; without error term: \(lipschitz) broken in "
          + "binary32, \(lipschitz64) in binary64")
    }
    #expect(total >= (Hunt.isSlow ? 99_000 : 1900))
    #expect(sound == 0)
    #expect(Double(lipschitz) >= 0.01 * Double(total))
    #expect(Double(lipschitz64) >= 0.01 * Double(total))
  }

  @Test("radii one per cent longer are broken, wherever certificates are tight")
  func teeth() throws {
    for (seed, make) in [TightNetworks.linear, TightNetworks.oneLayer].enumerated() {
      let verified = try make(UInt64(seed), 4)
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
      let hunt = try Self.hunt(TightNetworks.images(count: 20, seed: UInt64(seed)), certified)
      let longer = hunt.scaled(by: 1.01)
      #expect(
        try longer.brokenByRounding(in: certified.network.binary64, points: Float.self) > hunt.count
          / 2)
      #expect(try longer.brokenByDescent(verified, in: certified.network.binary64) > hunt.count / 2)
    }
  }

  @Test("ties, numbers that are not finite and images outside the box certify nothing")
  func nothingCertified() throws {
    let verified = try TightNetworks.linear(3, classes: 3)
    let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
    var images = TightNetworks.images(count: 3, seed: 3)
    let size = images.count / 3
    images.elements[0] = -0x1p-149
    images.elements[size] = .nan
    let radii = try certified.certify(images, workers: .serial).radii
    #expect(radii[0] == 0 && radii[1] == 0 && radii[2] > 0)

    // Two equal rows and biases: their classes tie everywhere.
    let head = LastLayerNormalised<Float>(
      name: "head", weights: Tensor(shape: [2, 1], elements: [1, 1]), bias: Tensor(shape: [2]))
    let tied = try VerifiedNetwork(
      CPLNetwork(layers: [
        Normalize(name: "normalize", mean: [0], standardDeviation: [1], image: [1, 1, 1]),
        Flatten(name: "flatten", image: [1, 1, 1]), head,
      ]), profile: .corrected, workers: .serial
    ) { _, _ in }
    let pixel = Tensor<Float>(repeating: 0.5, shape: [1, 1, 1, 1])
    let tie = try CertifiedNetwork(EvaluatedNetwork(tied), .sound)
    #expect(try tie.certify(pixel, workers: .serial).radii == [0])
  }

  @Test("audits of radii with error terms hold; without them they find rounding's violations")
  func audit() throws {
    let verified = try TightNetworks.linear(1, classes: 4)
    var random = CounterRandom(seed: 1, purpose: .test)
    let count = 100
    let dataset = ImageDataset(
      name: "noise", classes: 4, imageShape: TightNetworks.imageShape,
      pixels: (0..<count * 48).map { _ in UInt8(80 + random.below(96)) },
      labels: Array(repeating: 0, count: count))
    func run(_ kind: CertificateKind) throws -> AuditResult {
      try CertificateAudit(
        EvaluatedNetwork(verified), certificate: kind, seed: 0, workers: .serial
      ).run(dataset) { _ in }
    }
    let sound = try run(.sound)
    #expect(sound.verdict == .holds && sound.violations.isEmpty)
    #expect(sound.differingPredictions == 0)
    let real = try run(.lipschitz)
    #expect(real.verdict == .holds && real.certified == count)
    let unsound = try run(.published)
    #expect(unsound.verdict == .violated && unsound.binary32Only == 0)
    #expect(unsound.violations.contains { $0.cause == .rounding && $0.attack == "rounding" })
  }

  private static func hunt(
    _ images: Tensor<Float>, _ certified: CertifiedNetwork
  ) throws -> Hunt {
    let (predictions, radii) = try certified.certify(images, workers: .serial)
    return Hunt(images: images, radii: radii, predictions: predictions)
  }
}
