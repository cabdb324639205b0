// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Folders of runs")
struct RunFolderTests {
  /// Makes a folder with the beginning of the sample's run.
  private func begin(_ path: String) throws -> RunFolder {
    let run = ExperimentSample.run
    let folder = RunFolder(path: path + "/run")
    let statistics = DatasetDescriptor.synthetic.statistics
    let layers = run.experiment.model.layers(
      mean: statistics.mean, standardDeviation: statistics.standardDeviation)
    let lock = try folder.create {
      try folder.write(run)
      try TrainingState(network: CPLNetwork(layers, seed: 0)).write(
        to: folder.last,
        description: CheckpointDescription(
          profile: run.experiment.training.profile, createdBy: "tests", gitCommit: "unknown"),
        run: try run.identity.yaml())
    }
    _ = consume lock
    return folder
  }

  @Test("a run is taken up by its own configuration, and by no other")
  func resuming() throws {
    try ExperimentSample.withFolder { path in
      let folder = try begin(path)
      var run = try folder.readConfiguration()
      #expect(try folder.readState(of: run) { _ in }.epoch == 0)
      run.experiment.training.seed = 9
      let error = try #require(throws: ReferenceError.self) {
        _ = try folder.readState(of: run) { _ in }
      }
      #expect("\(error)".contains("'seed: 0'") && "\(error)".contains("'seed: 9'"))
    }
  }

  @Test(
    "a run of the order of summation before this one is not gone on with, but for one without steps"
  )
  func earlierOrder() throws {
    try ExperimentSample.withFolder { path in
      let folder = try begin(path)
      let run = try folder.readConfiguration()
      var state = try folder.readState(of: run) { _ in }
      for steps in [0, 3] {
        state.optimizer = Adam(
          step: steps, firstMoments: state.optimizer.moments[0],
          secondMoments: state.optimizer.moments[1])
        try state.write(
          to: folder.last,
          description: CheckpointDescription(
            profile: run.experiment.training.profile, createdBy: "tests", gitCommit: "unknown"),
          run: try run.identity.yaml())
        #expect(try folder.readState(of: run) { _ in }.optimizer.step == steps)
        setStoredAttribute("version", 2, of: folder.last)
        guard steps > 0 else {
          #expect(try folder.readState(of: run) { _ in }.optimizer.step == 0)
          continue
        }
        let error = try #require(throws: HintedError.self) {
          _ = try folder.readState(of: run) { _ in }
        }
        #expect("\(error)".contains("after 3 steps") && "\(error)".contains("another folder"))
      }
    }
  }

  @Test("a damaged last state is replaced by the one before it, and said so")
  func damage() throws {
    try ExperimentSample.withFolder { path in
      let folder = try begin(path)
      folder.keepPrevious()
      try FileManager.default.removeItem(atPath: folder.last)
      try Data("damaged".utf8).write(to: URL(fileURLWithPath: folder.last))
      var notes: [String] = []
      _ = try folder.readState(of: folder.readConfiguration()) { notes.append($0) }
      #expect(notes.count == 1 && notes[0].hasSuffix("going on from \(folder.previous)"))
    }
  }

  @Test("a folder takes one run, and one process at a time")
  func refusals() throws {
    try ExperimentSample.withFolder { path in
      let folder = try begin(path)
      #expect(throws: ReferenceError.self) { _ = try folder.create {} }
      let lock = try folder.lock()
      #expect(throws: ReferenceError.self) { _ = try folder.lock() }
      _ = consume lock
    }
  }
}
