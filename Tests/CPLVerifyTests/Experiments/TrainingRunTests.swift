// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Training runs in their folders")
struct TrainingRunTests {
  /// Three epochs of two steps, since of twenty images a fifth is held out.
  private static var experiment: ExperimentConfiguration {
    var experiment = ExperimentSample.run.experiment
    experiment.training.batch = 8
    return experiment
  }

  private static let images = ImageChoice(limit: 20)

  @Test("a run that is interrupted keeps its state, and taken up ends as if it had not been")
  func interruption() throws {
    try ExperimentSample.withFolder { path in
      let whole = try TrainingRun(RunFolder(path: path + "/whole"), .quiet())
        .start(Self.experiment, Self.images)
      let folder = RunFolder(path: path + "/parts")
      let observer = QuietObserver(interruptingAfter: 3)
      #expect(throws: QuietObserver.Interrupted.self) {
        _ = try TrainingRun(folder, .quiet(observer)).start(Self.experiment, Self.images)
      }
      #expect(
        observer.notes.last == "stopped; continue with: cpl-verify train --resume \(folder.path)")
      let kept = try folder.readState(of: folder.readConfiguration()) { _ in }
      #expect(kept.epoch == 1 && kept.batch == 1)
      let resumed = try TrainingRun(folder, .quiet()).goOn(epochs: nil, ImageChoice())
      #expect(try resumed.network.digest() == whole.network.digest())
      #expect(resumed.history == whole.history)
    }
  }

  @Test("a training that the machine's memory cannot hold is refused before anything is made")
  func memory() throws {
    try ExperimentSample.withFolder { path in
      let folder = RunFolder(path: path + "/run")
      #expect(throws: ReferenceError.self) {
        _ = try TrainingRun(folder, .quiet(memory: 1000)).start(Self.experiment, Self.images)
      }
      #expect(!FileManager.default.fileExists(atPath: folder.path))
    }
  }
}
