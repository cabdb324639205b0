// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Quirks of the published pipeline in certificates")
struct QuirkTests {
  @Test("stale-sigma keeps the stored step when the weights change, without it h follows them")
  func staleSigma() throws {
    let step = StepSize(rule: .power, value: 0.125)
    var network = CPLNetwork<Float>(
      [
        .normalize(mean: [0, 0, 0], standardDeviation: [1, 1, 1], image: [3, 4, 4]),
        .flatten(image: [3, 4, 4]), .linear(features: 48, inner: 8, step: step),
        .lastLayerNormalised(features: 48, classes: 3),
      ], seed: 1)
    network.layers[2].updateParameters { _, value in value.elements[0] += 10 }
    func executed(_ profile: Profile) throws -> Float {
      let verified = try VerifiedNetwork(network, profile: profile, workers: .serial) { _, _ in }
      return verified.network[stepped: 2].stepSize
    }
    var mended = Profile.published
    mended.staleSigma = false
    #expect(try executed(.published) == 0.125)
    #expect(try executed(mended) < 0.03)
    #expect(try executed(.corrected) < 0.03)
  }

  @Test("mean-pool takes a fractional mean for 1-Lipschitz, and so certifies too much")
  func meanPool() throws {
    let network = CPLNetwork<Float>(
      [
        .normalize(mean: [0, 0, 0], standardDeviation: [1, 1, 1], image: [3, 4, 4]),
        .flatten(image: [3, 4, 4]),
        .poolingLinear(.mean, features: 48, classes: 25),
      ], seed: 1)
    var logits = Tensor<Float>(shape: [1, 25])
    logits.elements[3] = 1
    let quirk = try PublishedCertificate(network, profile: .published).radii(logits)[0]
    let mended = try PublishedCertificate(network, profile: .corrected).radii(logits)[0]
    #expect(abs(quirk / mended - 1.92.squareRoot()) < 1e-6)
  }
}
