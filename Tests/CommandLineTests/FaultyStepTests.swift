// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Audits of faulty networks")
struct FaultyStepTests {
  @Test("steps twice too long break published certificates, and the audit names the layers")
  func stepsTwiceTooLong() throws {
    try SampleRun.withCopy { folder in
      let stored = try Checkpoint(path: folder + "/run/last.h5")
      var network = try VerifiedNetwork(
        stored.network, profile: .published, workers: .serial
      ) { _, _ in }.network
      for position in network.steppedLayers {
        network[stepped: position].stepRule = .fixed
        network[stepped: position].stepSize *= 2
      }
      try network.write(to: folder + "/faulty.h5", description: stored.description)

      let audit = try Program.run(
        "audit faulty.h5 --profile published --limit 60 --out audit.h5", in: folder)
      #expect(audit.code == 1)
      #expect(audit.output.contains("not proved to be 1-Lipschitz: convolution.0"))
      #expect(audit.output.contains("BROKEN"))
      #expect(audit.output.contains("verdict      violated"))

      let replay = try Program.run(
        "audit faulty.h5 --profile published --replay audit.h5", in: folder)
      #expect(replay.code == 1)
      #expect(replay.output.contains(": broken"))
      let report = try Program.run("report audit.h5 --out pages", in: folder)
      #expect(report.code == 1)

      let sound = try Program.run("audit faulty.h5 --limit 60", in: folder)
      #expect(sound.code != 1, "sound certificates hold whatever the steps: \(sound.output)")
    }
  }

  @Test("an audit without a certified image is inconclusive")
  func nothingCertified() throws {
    try SampleRun.withCopy { folder in
      let stored = try Checkpoint(path: folder + "/run/last.h5")
      var network = stored.network
      // Grey images through layers that do nothing: every feature is the same, every class a tie.
      for index in network.layers.indices {
        network.layers[index].updateParameters { _, value in
          value = Tensor(shape: value.shape)
        }
      }
      network.layers[network.layers.count - 1] = PoolingLinear(
        name: "pooling-linear", pooling: .truncate, features: network.head.inputShape[0],
        classes: 10)
      try network.write(to: folder + "/tied.h5", description: stored.description)
      let image = [UInt8(3)] + [UInt8](repeating: 128, count: 3072)
      try DataFiles.write(image + image, to: folder + "/grey")
      for profile in ["published", "corrected"] {
        let audit = try Program.run(
          "audit tied.h5 --data grey --profile \(profile)", in: folder)
        #expect(audit.code == 2, "\(audit)")
        #expect(audit.output.contains("verdict      inconclusive"))
      }
    }
  }
}
