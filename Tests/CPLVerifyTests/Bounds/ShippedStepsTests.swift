// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// Networks with the steps that PyTorch stored with them, also wrong ones, and what PyTorch computes
/// with these; `fixtures/make_checkpoints.py` made them.
@Suite("Networks judged as shipped")
struct ShippedStepsTests {
  /// "stored": σ̂ of an evaluation. "small": a fifth too small. "stale": of weights that have grown by
  /// a quarter since. "none": 0, which makes PyTorch compute it.
  static let names = ["stored", "small", "stale", "none"]

  private func checkpoint(_ name: String) throws -> Checkpoint {
    try Checkpoint.read(fixturePath("shipped/\(name).pt"))
  }

  private func reference() throws -> HDF5File {
    try HDF5File.open(fixturePath("shipped/reference.h5"))
  }

  private func images() throws -> Tensor<Float> {
    let (shape, bytes) = try reference().read(UInt8.self, from: "/images")
    return Tensor(shape: shape, elements: bytes.map { Float($0) / 255 })
  }

  private func verified(
    _ checkpoint: Checkpoint, _ steps: StepPolicy = .shipped
  ) throws -> VerifiedNetwork {
    try VerifiedNetwork(
      checkpoint.network, profile: .corrected, steps: steps, workers: .serial
    ) { _, _ in }
  }

  @Test("logits and published radii are PyTorch's, whatever its σ̂ are", arguments: names)
  func asPyTorch(name: String) throws {
    let verified = try verified(checkpoint(name))
    let logits = verified.network.logits(try images(), workers: .serial)
    let expected: Tensor<Float> = try reference().readTensor(from: "\(name)/logits")
    #expect(relativeError(logits, expected) <= 1e-5)
    let radii = try reference().read(Double.self, from: "\(name)/radii").elements
    let found = try PublishedCertificate(verified.network, profile: verified.profile).radii(logits)
    #expect(zip(found, radii).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, $1) })
    #expect(verified.replacedSteps.isEmpty)
    #expect(verified.layersWithoutStep.count == (name == "none" ? 4 : 0))
  }

  @Test("the Lipschitz bound is that of the stored steps", arguments: names.dropLast())
  func lipschitz(name: String) throws {
    let checkpoint = try checkpoint(name)
    let verified = try verified(checkpoint)
    let stored = try #require(checkpoint.published).spectralNorms
    var product = 1.0
    for layer in verified.bounds.layers {
      guard let estimate = stored[layer.name], let norm = layer.spectralNorm else { continue }
      let step = 2 / (estimate * estimate + 1e-4)
      #expect(layer.stepSize == step)
      product *= max(1, Double(step) * norm.upperBound * norm.upperBound - 1)
    }
    #expect(abs(verified.bounds.lipschitzUpperBound / product - 1) < 1e-9)
    // A fifth less makes every layer expand by 2/0.64 − 1, and a quarter more by 2 · 1.25² − 1.
    let shares = ["stored": 1, "small": 2 / 0.64 - 1, "stale": 2 * 1.25 * 1.25 - 1]
    let expected = try pow(#require(shares[name]), 4.0)
    #expect((0.99 * expected...1.05 * expected).contains(product))
    #expect(name == "stored" || verified.excessLayers.count == 4)
  }

  @Test("sound radii are margins over that bound", arguments: names)
  func sound(name: String) throws {
    let verified = try verified(checkpoint(name))
    let found = try CertifiedNetwork(EvaluatedNetwork(verified), .sound).certify(
      images(), workers: .serial)
    let radii = try reference().read(Double.self, from: "\(name)/radii").elements
    for (radius, published) in zip(found.radii, radii) {
      #expect(abs(radius * verified.bounds.lipschitzUpperBound - published) <= 1e-5)
    }
  }

  @Test("replaced steps are named with how far they differ")
  func replaced() throws {
    let small = try checkpoint("small")
    let verified = try verified(small, .verified)
    #expect(verified.bounds.lipschitzUpperBound == 1)
    #expect(verified.replacedSteps.count == 4)
    #expect(verified.replacedSteps.allSatisfy { abs($0.change + 0.36) < 0.01 })
    let notices = Notice.all(of: verified, from: small, on: nil, workers: .serial)
    #expect(notices.first?.kind == .stepsReplaced)
    #expect(notices.first?.text.hasPrefix("steps replaced: not the network in the file") == true)
    let shipped = try self.verified(small)
    #expect(
      !Notice.all(of: shipped, from: small, on: nil, workers: .serial)
        .contains { $0.kind == .stepsReplaced })
  }

  @Test("steps that a file does not hold are said to be made")
  func made() throws {
    let none = try checkpoint("none")
    let notices = Notice.all(of: try verified(none), from: none, on: nil, workers: .serial)
    #expect(notices.contains { $0.text.contains("the file holds no steps for 4 layers") })
  }
}
