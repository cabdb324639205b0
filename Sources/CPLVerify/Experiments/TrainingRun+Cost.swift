// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference
import CPLReproduction
import Foundation

/// What a training takes, measured on its first steps, which are then forgotten.
extension TrainingRun {
  /// The first steps of a training, and what they took.
  struct FirstSteps {
    let run: RunConfiguration
    let images: TrainingImages
    let trainer: Trainer
    let state: TrainingState
    let secondsPerStep: Double
    /// The most memory that the process had in them, in bytes; nil where the machine does not tell.
    let memoryBytes: Int?

    /// Steps in an epoch.
    var steps: Int { (trainer.imagesPerEpoch - 1) / run.experiment.training.batch + 1 }

    /// How many images an epoch's steps take a second.
    var imagesPerSecond: Double {
      Double(trainer.imagesPerEpoch) / (Double(steps) * secondsPerStep)
    }
  }

  /// Trains for three seconds, at least five steps and at most two hundred.
  func firstSteps(
    of experiment: ExperimentConfiguration, _ choice: ImageChoice
  ) throws -> FirstSteps {
    let (workers, observer) = (workers, observer)
    let choice = choice.completed(by: experiment)
    let images = try TrainingImages(choice, experiment)
    let imagesAtOnce = try self.imagesAtOnce(experiment, of: images.training.count)
    try experiment.checkFits(images.training)
    let run = RunConfiguration(
      experiment: experiment, images: images.selection(choice), augmentationSeed: nil,
      command: nil)
    let trainer = try images.trainer(run, workers, Alone(), imagesAtOnce: imagesAtOnce)
    var state = try initialState(experiment, images.training)
    // The first step, which finds nothing in the caches, is not counted.
    var times: [Date] = []
    let isDone = {
      times.count > 4
        && (times.count > 200 || times[times.count - 1].timeIntervalSince(times[0]) > 3)
    }
    PeakMemory.reset()
    _ = try trainer.run(&state, shouldStop: { isDone() || observer.isInterrupted }) { event in
      if case .step = event { times.append(workplace.now()) }
    }
    try observer.checkInterruption()
    return FirstSteps(
      run: run, images: images, trainer: trainer, state: state,
      secondsPerStep: times[times.count - 1].timeIntervalSince(times[0])
        / Double(max(1, times.count - 1)),
      memoryBytes: PeakMemory.bytes)
  }

  /// What an epoch and the judging of its weights take.
  ///
  /// - Parameters:
  ///   - judged: the number of images that are evaluated.
  ///   - audited: the number of images that are attacked.
  func cost(
    of experiment: ExperimentConfiguration, _ choice: ImageChoice, judged: Int, audited: Int
  ) throws -> Reproduction.Cost {
    let first = try firstSteps(of: experiment, choice)
    var network = first.state.network
    let power = seconds {
      network.updateSteps(
        iterations: CPLNetwork<Float>.evaluationIterations, workers: workers)
    }
    let sample = first.images.training.prefix(CPLNetwork<Float>.evaluationBatch)
    func forwardPass() { _ = network.logits(of: sample, workers: workers) { _ in } }
    // The first pass, which maps its memory, is not counted either.
    forwardPass()
    let forward = seconds(forwardPass) / Double(sample.count)
    let bounding = try seconds {
      _ = try VerifiedNetwork(network, profile: .corrected, workers: workers) { _, _ in
        observer.leaveIfInterrupted()
      }
    }
    let probe = "\(folder.path).\(UUID().uuidString).tmp"
    defer { unlink(probe) }
    let saving = try seconds {
      try first.state.write(
        to: probe,
        description: first.run.description(of: first.images.training, by: workplace.program))
    }
    return Reproduction.Cost(
      secondsPerEpoch: first.secondsPerStep * Double(first.steps) + power
        + forward * Double(first.trainer.selectionImages) + Self.savesPerEpoch * saving,
      secondsToJudge: bounding + forward * Self.forwardsToJudge(judged: judged, audited: audited))
  }

  /// Beside the state, the weights of an epoch that is the best so far are written.
  private static let savesPerEpoch = 1.5

  /// How many images' ways through the network judging comes to: an image is evaluated in binary32,
  /// and in binary64, which takes two and a half times as long; an audited one took 250 ways forward
  /// and 205 back, twice as long, through a trained network, in smaller batches.
  private static func forwardsToJudge(judged: Int, audited: Int) -> Double {
    3.5 * Double(judged) + 800 * Double(audited)
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = workplace.now()
    try body()
    return workplace.now().timeIntervalSince(start)
  }
}

/// The most main memory that the process has had since the last reset, as Linux tells.
private enum PeakMemory {
  static func reset() {
    guard let file = fopen("/proc/self/clear_refs", "w") else { return }
    fputs("5", file)
    fclose(file)
  }

  /// Nil where the system does not tell.
  static var bytes: Int? {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first.map {
      1024 * $0
    }
  }
}
