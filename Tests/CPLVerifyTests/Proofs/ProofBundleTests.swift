// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Bundles that others can check")
struct ProofBundleTests {
  /// A network of every kind of layers that a bundle can state, SLL's for every fourth, and layers without a step for
  /// another fourth.
  private static func network(_ seed: UInt64) throws -> VerifiedNetwork {
    let verified = try SampleNetworks.random(seed &+ 5000)
    guard seed % 2 == 0 else { return verified }
    let image = verified.network.image
    let inner = 1 + Int(seed / 4 % 5)
    let layers = seed % 4 == 0 ? potentials(image, inner: inner) : affine(image, inner: inner)
    return try VerifiedNetwork(
      CPLNetwork<Float>(layers, seed: seed), profile: .corrected, workers: .serial
    ) { _, _ in }
  }

  private static func affine(_ image: ImageShape, inner: Int) -> [LayerSpecification] {
    let hidden = image.with(channels: 4)
    let folded = hidden.with(channels: 3)
    return [
      .normalize(
        mean: Array(repeating: 0.4, count: image.channels),
        standardDeviation: Array(repeating: 0.75, count: image.channels), image: image),
      .aolConvolution(
        image: image, channels: 4, kernel: 3, padding: inner % 2 == 0 ? .zero : .circular),
      .maxMin(shape: hidden.extents),
      .socConvolution(image: hidden, kernel: 3, terms: [4, 5, 12][inner % 3]),
      .maxPool(image: hidden, window: 1), .firstChannels(3, of: hidden.extents),
      .pixelUnshuffle(image: folded, window: 1), .flatten(image: folded),
      .aolLinear(features: folded.count, inner: inner + 3),
      .lastLayerNormalised(features: inner + 3, classes: 2 + inner),
    ]
  }

  private static func potentials(_ image: ImageShape, inner: Int) -> [LayerSpecification] {
    [
      .normalize(
        mean: Array(repeating: 0.4, count: image.channels),
        standardDeviation: Array(repeating: 0.75, count: image.channels), image: image),
      .padding(.zero, image: image, channels: image.channels + 1),
      .sllConvolution(image: image.with(channels: image.channels + 1), inner: inner, kernel: 3),
      .flatten(image: image.with(channels: image.channels + 1)),
      .sllLinear(features: image.with(channels: image.channels + 1).count, inner: inner + 2),
      .lastLayerNormalised(
        features: image.with(channels: image.channels + 1).count, classes: 2 + inner),
    ]
  }

  /// Writes the bundle of a network and some images.
  ///
  /// - Parameter factor: what radii are multiplied by.
  /// - Returns: how many claims are in it.
  private static func write(
    _ verified: VerifiedNetwork, count: Int, seed: UInt64, factor: Double = 1, to folder: String
  ) throws -> Int {
    let network = EvaluatedNetwork(verified)
    let images = SampleNetworks.images(verified.network, count: count, seed: seed)
    let found = try RealCertificate(network).certify(images, workers: .serial)
    let bundle = try ProofBundle(network)
    let rows = (0..<count).filter { bundle.claimed(found.radii[$0]) > 0 }
    guard !rows.isEmpty else { return 0 }
    try Folder.write(folder, replacing: true) { folder in
      try bundle.write(
        rows.map {
          ImageClaim(
            index: $0, class: found.classes[$0], radius: bundle.claimed(found.radii[$0]) * factor)
        }, pixels: { Array(images.row(rows[$0])) },
        from: ProofOrigin(
          program: (name: "test", digest: Digest.of("")), weightsDigest: nil, networkDigest: nil,
          steps: nil, data: ("random", "test", Digest.of(""), count)), to: folder)
    }
    return rows.count
  }

  @Test(
    "the checker accepts the bundles of 200 random networks, and none with radii a hundred-thousandth longer",
    .enabled(if: IndependentChecker.isAvailable))
  func honest() throws {
    let folder = try Folder.temporary()
    defer { Folder.remove(folder) }
    var (honest, false_) = ([String](), [String]())
    var (claims, seed) = (0, 0 as UInt64)
    while honest.count < 200 {
      seed += 1
      let verified = try Self.network(seed)
      let path = "\(folder)/\(seed)"
      let count = try Self.write(verified, count: 4, seed: seed, to: path)
      guard count > 0 else { continue }
      claims += count
      honest.append(path)
      if seed % 5 == 0 {
        false_.append(path + "-false")
        _ = try Self.write(verified, count: 4, seed: seed, factor: 1 + 1e-5, to: path + "-false")
      }
    }
    #expect(claims > 500)
    let verdicts = try IndependentChecker.verdicts(honest)
    #expect(verdicts.count == 200)
    #expect(zip(honest, verdicts).filter { $1 != 0 }.map(\.0) == [])
    #expect(try IndependentChecker.verdicts(false_).allSatisfy { $0 == 2 })
  }

  @Test("real radii are the lipschitz ones to within rounding, and hold outside the box as well")
  func radii() throws {
    var compared = 0
    for seed in 0..<60 as Range<UInt64> {
      let network = EvaluatedNetwork(try SampleNetworks.random(seed))
      let images = SampleNetworks.images(network.binary32, count: 3, seed: seed)
      let lipschitz = try CertifiedNetwork(network, .lipschitz).certify(images, workers: .serial)
      let real = try CertifiedNetwork(network, .real).certify(images, workers: .serial)
      #expect(lipschitz.predictions == real.predictions)
      for (one, other) in zip(lipschitz.radii, real.radii) where one > 1e-6 {
        #expect(abs(one - other) <= 1e-5 * one, "seed \(seed)")
        compared += 1
      }
      var outside = images
      for index in outside.elements.indices { outside.elements[index] += 1.5 }
      let far = try CertifiedNetwork(network, .real).certify(outside, workers: .serial)
      #expect(far.radii.contains { $0 > 0 } || real.radii.allSatisfy { $0 < 1e-3 }, "seed \(seed)")
    }
    #expect(compared > 100)
  }

  @Test(
    "sharp radii are no shorter than the others, or 0, and those of exact arithmetic but for twice the share"
  )
  func sharpness() throws {
    var (blurred, sharp) = (0, 0)
    for seed in 0..<60 as Range<UInt64> {
      let network = EvaluatedNetwork(try SampleNetworks.random(seed))
      let images = SampleNetworks.images(network.binary32, count: 3, seed: seed)
      let certificate = try RealCertificate(network)
      let constants = try PairConstants(network.binary64)
      let all = certificate.certify(images, workers: .serial)
      for share in [0, 1e-14, 1e-12, 1] {
        let found = certificate.certify(images, sharpness: share, workers: .serial)
        #expect(found.classes == all.classes)
        for image in 0..<3 where all.radii[image] > 0 {
          guard found.radii[image] > 0 else {
            blurred += 1
            continue
          }
          sharp += 1
          #expect(found.radii[image] >= all.radii[image] * (1 - 2 * share - 1e-12))
          let exact = ExactEvaluation.features(
            network.binary64, images.row(image).map { Double($0) }
          ).applying(network.binary64.head)
          let predicted = found.classes[image]
          let isClose = (0..<network.binary64.classes).contains { other in
            guard other != predicted else { return false }
            let slope = certificate.lipschitz * constants[predicted, other]
            let longest = found.radii[image] * slope * (1 + 2 * share + 1e-12)
            let margin = exact.values[predicted] - exact.values[other]
            return !(FixedPoint(longest) < margin)
          }
          #expect(
            isClose || found.radii[image] >= 0.99 * Double(images.row(image).count).squareRoot())
        }
      }
    }
    #expect(blurred > 50 && sharp > 50)
  }

  @Test("the features err at an image by no more than is taken off its margins")
  func errors() throws {
    for seed in 0..<(Hunt.isSlow ? 2000 : 150) as Range<UInt64> {
      let network = EvaluatedNetwork(try SampleNetworks.random(seed))
      let images = SampleNetworks.images(network.binary32, count: 3, seed: seed)
      let certificate = try RealCertificate(network)
      let real = certificate.certify(images, workers: .serial)
      let constants = try PairConstants(network.binary64)
      for image in 0..<3 where real.radii[image] > 0 {
        let exact = ExactEvaluation.features(
          network.binary64, images.row(image).map { Double($0) }
        ).applying(network.binary64.head)
        let predicted = real.classes[image]
        for other in 0..<network.binary64.classes where other != predicted {
          // What the margin is claimed to be at least, held to the real one.
          let claimed = real.radii[image] * certificate.lipschitz * constants[predicted, other]
          #expect(
            FixedPoint(claimed * (1 - 1e-12)) < exact.values[predicted] - exact.values[other],
            "seed \(seed), image \(image), class \(other)")
        }
      }
    }
  }

  @Test("numbers are written as Python writes them")
  func hexadecimal() {
    let texts: [(Double, String)] = [
      (0, "0x0.0p+0"), (-0.0, "-0x0.0p+0"), (1, "0x1.0000000000000p+0"),
      (0.1, "0x1.999999999999ap-4"), (-3, "-0x1.8000000000000p+1"),
      (.leastNonzeroMagnitude, "0x0.0000000000001p-1022"),
      (.leastNormalMagnitude, "0x1.0000000000000p-1022"),
      (.greatestFiniteMagnitude, "0x1.fffffffffffffp+1023"),
    ]
    for (value, text) in texts { #expect(ExactNumber(value).text == text) }
  }
}
