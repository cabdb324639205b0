// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Ranks that train into one folder")
struct RankFailureTests {
  /// 16 images to train on: two pieces a batch.
  private static var experiment: ExperimentConfiguration {
    var experiment = ExperimentSample.run.experiment
    experiment.training.batch = 16
    return experiment
  }

  private static let images = ImageChoice(limit: 20)

  /// What each of two ranks ends with.
  private static func train(
    _ body: @escaping @Sendable (inout TrainingRun) throws -> TrainingState, into path: String,
    _ workplaces: [Workplace] = [.quiet(), .quiet()]
  ) -> [Result<TrainingState, any Error>] {
    ThreadRanks.run(2) { ranks in
      Result {
        var run = TrainingRun(RunFolder(path: path), workplaces[ranks.rank])
        run.ranks = ranks
        return try body(&run)
      }
    }
  }

  /// What each rank says of why they end.
  private static func failures(_ results: [Result<TrainingState, any Error>]) -> [String] {
    results.map {
      guard case .failure(let error) = $0 else { return "none" }
      return error is RankFailure ? "\(error)" : "another error: \(error)"
    }
  }

  @Test("end, stopped on one rank and resumed, with the run of one process")
  func interruption() throws {
    try ExperimentSample.withFolder { path in
      let alone = try TrainingRun(RunFolder(path: path + "/alone"), .quiet())
        .start(Self.experiment, Self.images)
      let observer = QuietObserver(interruptingAfter: 2)
      let stopped = Self.train(
        { try $0.start(Self.experiment, Self.images) }, into: path + "/together",
        [.quiet(), .quiet(observer)])
      #expect(throws: RankFailure.self) { try stopped[0].get() }
      #expect(throws: QuietObserver.Interrupted.self) { try stopped[1].get() }
      let ended = Self.train({ try $0.goOn(epochs: nil, ImageChoice()) }, into: path + "/together")
      for state in ended { #expect(try state.get().history == alone.history) }
      let digests = try ["alone", "together"].map {
        try Checkpoint(path: "\(path)/\($0)/last.h5").digest
      }
      #expect(digests[0] == digests[1])
    }
  }

  @Test("are told apart by configuration, epochs, images and program, and one of them tells it")
  func differences() throws {
    try ExperimentSample.withFolder { path in
      var (margin, epochs) = (Self.experiment, Self.experiment)
      margin.training.margin = 0.5
      epochs.training.epochs = 5
      for (other, difference) in [(margin, "margin: 0.5"), (epochs, "number of epochs")] {
        let failures = Self.failures(
          Self.train(
            { try $0.start($0.ranks.isFirst ? Self.experiment : other, Self.images) },
            into: "\(path)/\(difference)"))
        #expect(failures[0].hasPrefix("rank 1: expected"), "\(failures)")
        #expect(failures[0].contains(difference), "\(failures)")
        #expect(failures[1] == "rank 0 says why")
        #expect(!FileManager.default.fileExists(atPath: "\(path)/\(difference)"))
      }
      let failures = Self.failures(
        Self.train(
          { try $0.start(Self.experiment, ImageChoice(limit: 20 + $0.ranks.rank)) },
          into: path + "/images"))
      #expect(failures[0].hasPrefix("rank 1: expected"), "\(failures)")
    }
  }

  @Test("end all where one of them cannot begin, which leaves nothing behind")
  func beginning() throws {
    try ExperimentSample.withFolder { path in
      let failures = Self.failures(
        Self.train(
          { try $0.start(Self.experiment, Self.images) }, into: path + "/run",
          [.quiet(), .quiet(memory: 1000)]))
      #expect(failures[0].hasPrefix("rank 1: expected a training that fits"), "\(failures)")
      #expect(failures[1] == "rank 0 says why")
      #expect(!FileManager.default.fileExists(atPath: path + "/run"))
    }
  }
}
