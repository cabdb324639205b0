// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

/// Networks multiplied by a power of two: deviations times 2^k, biases and the head's biases times 2^-k.
/// Every number on the way to the logits, and every gradient, is then 2^-k times what it was, exactly.
private func scaled(_ network: CPLNetwork<Float>, by power: Int) -> CPLNetwork<Float> {
  let factor = Float(sign: .plus, exponent: -power, significand: 1)
  var network = network
  for index in network.layers.indices {
    if let kind = network.layers[index].specification.value as? NormalizeKind {
      network.layers[index] = Normalize(
        name: "normalize", mean: kind.mean,
        standardDeviation: kind.standardDeviation.map { $0 / factor }, image: kind.image)
      continue
    }
    let names = network.layers[index].parameters.map(\.name)
    network.layers[index].updateParameters { parameter, value in
      guard names[parameter] == "bias" else { return }
      for element in value.elements.indices { value.elements[element] *= factor }
    }
  }
  return network
}

@Suite("A network multiplied by a power of two is attacked in the same way")
struct ScaleTests {
  private static let powers = [34, -20, 60]

  private static func verify(_ network: CPLNetwork<Float>) throws -> VerifiedNetwork {
    try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
  }

  /// Every attack but those whose loss is the cross-entropy of the logits as they are.
  private static let invariant = AnyAttack.all.filter {
    !["pgd-published", "apgd-ce", "autoattack"].contains($0.name)
  }

  @Test("every attack finds the same images", arguments: invariant, powers)
  func find(attack: AnyAttack, power: Int) throws {
    let target = try AttackContractTests.target()
    let (input, sampled) = AttackContractTests.input(target, count: 6, scale: 2)
    let budgets = AttackContractTests.budgets(sampled, for: attack, input, on: target)
    let other = try AttackTarget(scaled(target.network, by: power))
    let expected = attack.run(input, budgets, target, 3, .serial)
    let found = attack.run(input, budgets, other, 3, .serial)
    #expect(expected.contains { $0.image != nil })
    for (position, (one, two)) in zip(expected, found).enumerated() {
      #expect(one.image == two.image, "image \(position)")
      #expect(one.distance == two.distance)
      #expect(one.forwardPasses == two.forwardPasses)
    }
  }

  @Test(
    "an audit comes to the same, and a broken certificate stays one",
    arguments: CertificateKind.allCases, powers)
  func audits(kind: CertificateKind, power: Int) throws {
    let network = try AttackContractTests.target().network
    let images = ShiftedHeads.images(try Self.verify(network), count: 10) { $0 }
    func audit(_ network: CPLNetwork<Float>, scale: Double) throws -> AuditResult {
      try CertificateAudit(
        EvaluatedNetwork(Self.verify(network)), certificate: kind, seed: 0, workers: .serial,
        certify: {
          let (predictions, radii) = try $0.certify($1)
          return (predictions, radii.map { $0 * scale })
        }
      ).run(images) { _ in }
    }
    // A thousand times the radius is beyond the nearest boundary.
    let unbroken = kind.isProved ? AuditResult.Verdict.holds : .unproved
    for (scale, verdict) in [(1.0, unbroken), (1000, .violated)] {
      let one = try audit(network, scale: scale)
      let two = try audit(scaled(network, by: power), scale: scale)
      #expect(one.verdict == verdict && two.verdict == verdict)
      #expect(one.violations.count == two.violations.count)
      for (first, second) in zip(one.images, two.images) {
        // Sound radii lack what underflow could add, which has no scale.
        #expect(abs(first.radius - second.radius) <= 1e-9 * first.radius)
        #expect(
          first.distance == second.distance
            || abs(first.distance - second.distance) <= 1e-6 * first.distance)
      }
    }
  }

  @Test(
    "radii half as long again are found broken where certificates are tight: deviations times 2^34")
  func broken() throws {
    for kind in CertificateKind.allCases {
      let network = scaled(try TightNetworks.linear(3, classes: 4).network, by: 34)
      let verified = try Self.verify(network)
      let images = ShiftedHeads.images(verified, count: 24) { $0 }
      let result = try CertificateAudit(
        EvaluatedNetwork(verified), certificate: kind, seed: 0, workers: .serial,
        certify: {
          let (predictions, radii) = try $0.certify($1)
          return (predictions, radii.map { $0 * 1.5 })
        }
      ).run(images) { _ in }
      #expect(result.certified == 24)
      #expect(result.violations.count == 24)
    }
  }
}
