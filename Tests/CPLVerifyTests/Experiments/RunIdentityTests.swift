// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("The identity of a run")
struct RunIdentityTests {
  @Test("a run stays the same with more epochs, another command and images that were moved")
  func whatMayChange() throws {
    var other = ExperimentSample.run
    other.experiment.training.epochs = 7
    other.command = "cpl-verify train --resume elsewhere"
    other.epochsReason = "time"
    other.images.data = "/elsewhere"
    other.images.limit = 5
    let identity = ExperimentSample.run.identity
    #expect(try other.identity.difference(from: identity.yaml()) == nil)
    #expect(identity.isRun(of: other.experiment))
  }

  @Test("a run is another one with another seed, other images or another augmentation")
  func whatMayNotChange() throws {
    let origin = try ExperimentSample.run.identity.yaml()
    var runs = Array(repeating: ExperimentSample.run, count: 4)
    runs[0].experiment.training.seed = 9
    runs[1].images.digest = "4567"
    runs[2].images.testDigest = "89ab"
    runs[3].augmentationSeed = 1
    for run in runs { #expect(try run.identity.difference(from: origin) != nil) }
    let seeds = try #require(try runs[0].identity.difference(from: origin))
    #expect(seeds.origin == "'seed: 0'" && seeds.found == "'seed: 9'")
    #expect(!ExperimentSample.run.identity.isRun(of: runs[0].experiment))
    // Images are asked about apart from the experiment.
    #expect(ExperimentSample.run.identity.isRun(of: runs[1].experiment))
  }

  @Test("a configuration that was written and read again is of the same run")
  func reading() throws {
    let run = ExperimentSample.run
    let read = try RunConfiguration(yaml: try run.yaml(), path: "run.yml")
    #expect(try read.identity.yaml() == run.identity.yaml())
  }
}
