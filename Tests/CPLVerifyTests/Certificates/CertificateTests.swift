// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

/// A tenth of a sound radius, within a constant of its own: a certificate that nothing else knows.
private struct TenthCertificate: Certificate {
  static let name = "tenth"
  static let arithmetic = CertifiedArithmetic.binary64
  static let gap: String? = "take a tenth for enough"
  static let statements = ["Covered by tenth: nothing."]

  private let sound: SoundCertificate

  init(_ network: EvaluatedNetwork) throws { sound = try SoundCertificate(network) }

  func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    sound.radii(batch).map { CertifiedRadius($0.radius / 10, lipschitz: 2, reach: 0.02) }
  }
}

@Suite("Certificates")
struct CertificateTests {
  @Test("a certificate is a type: tables, audits and headlines take one that nothing else knows")
  func another() throws {
    let kind = CertificateKind(TenthCertificate.self)
    var images = EvaluatedImages(
      AuditSample.images.prefix(40), EvaluatedNetwork(try AuditSample.network.get()),
      workers: .serial)
    let table = try CertificateTable(&images, kinds: [.sound, kind]) { _ in }
    let (sound, tenth) = (try #require(table.radii[.sound]), try #require(table.radii[kind]))
    #expect(sound.contains { $0 > 0 && $0 < 0.2 } && sound.contains { $0 > 0.2 }, "\(sound)")
    #expect(zip(sound, tenth).allSatisfy { $1 == min($0 / 10, 0.02) })
    #expect(table.predictions(of: kind) == table.binary64Predictions)

    let result = try CertificateAudit(
      images.network, certificate: kind, seed: 0, workers: .serial
    ).run(images) { _ in }
    #expect(result.images.map(\.radius) == tenth)
    #expect(result.verdict == .unproved && result.plan.contains("rounding-binary64"))
    #expect(result.tightness.allSatisfy { $0 > 9 })
    let reason = try AuditSample.report(result).unprovedReason()
    #expect(reason == "tenth certificates take a tenth for enough")
  }

  @Test("their names are those in flags and files, from the weakest statement to the strongest")
  func names() {
    #expect(
      CertificateKind.allCases.map(\.rawValue) == [
        "published", "lipschitz", "real", "sound", "local",
      ])
    #expect(CertificateKind.allCases.map(\.isProved) == [false, true, true, true, true])
    #expect(CertificateKind.standing.map(\.rawValue) == ["published", "lipschitz", "sound"])
    #expect(CertificateKind.allCases.allSatisfy { CertificateKind(rawValue: $0.rawValue) == $0 })
    #expect(CertificateKind(rawValue: "tenth") == nil)
  }

  @Test("an image is evaluated once in either precision, and only where it is asked for")
  func once() throws {
    let network = EvaluatedNetwork(try AuditSample.network.get())
    var images = EvaluatedImages(AuditSample.images, network, workers: .serial)
    images.forEachBatch { _, batch in _ = batch.binary64 }
    #expect(images.batch(at: [149, 3]).known.binary32 == nil)
    let logits = try #require(images.batch(at: [149, 3]).known.binary64)
    let alone = network.binary64.logits(
      AuditSample.images.images(at: [149, 3]).converted(), workers: .serial)
    #expect(logits.elements == alone.elements)
    images.forEachBatch { _, batch in _ = batch.binary32 }
    #expect(images.prefix(70).batch(at: [69]).known.binary32 != nil)
    #expect(images.prefix(70).batch(at: [69]).known.binary64 != nil)
  }

  @Test("an attack begins with the logits that its images come with")
  func shared() throws {
    let network = EvaluatedNetwork(try AuditSample.network.get())
    let images = AuditSample.images.images(at: 0..<3)
    let classes = network.binary32.logits(images, workers: .serial).rowMaxima
    // Each as if its class were the next one: no search is needed to leave the true class.
    let planted = Tensor<Float>(
      shape: [3, 4],
      elements: classes.flatMap { label in (0..<4).map { $0 == (label + 1) % 4 ? 1 : 0 } })
    let input = AttackInput(
      EvaluatedBatch(images, network, binary32: planted, workers: .serial), labels: classes,
      indices: [0, 1, 2])
    let target = try AttackTarget(network.binary32)
    for attack in AnyAttack.all where !["pgd-published", "rounding"].contains(attack.name) {
      let results = attack.run(input, [1, 1, 1], target, 0, .serial)
      #expect(results.allSatisfy { $0.distance == 0 }, "\(attack.name)")
    }
  }
}
