// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct TrainCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network and keeps its weights.",
    discussion: """
      Writes RUN/run.yml (the configuration with every default), RUN/last.h5 after each epoch, \
      every few minutes and when interrupted, RUN/previous.h5 (the state before that, from which a \
      run with a damaged last.h5 continues), RUN/best.h5, RUN/history.h5 and RUN/events.jsonl, which \
      'watch RUN' shows as curves. An interrupted run continues with 'train --resume RUN', and a \
      finished one with a larger number of --epochs.

      Built with '--traits MPI', the program trains on many machines: 'mpirun -n 4 cpl-verify train …', \
      also to --resume a run of another number of processes. The weights are the same, to the byte.
      """)

  @Argument(
    help: "The configuration: a file, or the name of a built-in experiment such as cpl-small.",
    completion: .file())
  var configurationFile: String?

  @Option(
    help: ArgumentHelp("The folder for the run, made when it is not there.", valueName: "run"))
  var out: String?

  @Flag(
    help: "Print the configuration with every key, its default and what it means; train nothing.")
  var printConfig = false

  @Option(help: ArgumentHelp("Resume an interrupted run.", valueName: "run"))
  var resume: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The number of epochs to train for.", valueName: "count"))
  var epochs: Int?

  @Option(parsing: .unconditional, help: "The seed that everything random comes from.")
  var seed: UInt64?

  @Option(help: "Reproduce the published pipeline's quirks, or correct them.")
  var profile: ProfileName?

  @Flag(help: "Under the published profile, let the seed determine crops and flips too.")
  var seededAugmentation = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Save this often within an epoch: the most that a crash can cost.", valueName: "seconds"))
  var saveEvery = 300.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Also save after this many steps.", valueName: "count"))
  var saveSteps: Int?

  @Flag(help: "Keep the curves for TensorBoard, too, in the run's folder.")
  var tensorboard = false

  @OptionGroup var deviceOptions: DeviceOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (configurationFile == nil) == (resume != nil) else {
      throw ValidationError("give either a configuration or --resume with a run's folder")
    }
    if printConfig, out != nil || resume != nil || tensorboard {
      throw ValidationError("--print-config takes no --out, --resume or --tensorboard")
    }
    guard printConfig || (out == nil) == (resume != nil) else {
      throw ValidationError("give --out with a configuration, and not with --resume")
    }
    for (flag, folder) in [("--out", out), ("--resume", resume)] where folder == "" {
      throw ValidationError("\(flag) is the name of a folder, not empty")
    }
    if let epochs, !TrainingConfiguration.possibleEpochs.contains(epochs) {
      let range = TrainingConfiguration.possibleEpochs
      throw ValidationError(
        "--epochs is \(range.lowerBound) to \(range.upperBound), not \(epochs)")
    }
    guard saveEvery >= 0 else {
      throw ValidationError("--save-every is a number of seconds, not \(saveEvery)")
    }
    if let saveSteps, saveSteps < 1 {
      throw ValidationError("--save-steps is at least 1, not \(saveSteps)")
    }
    if resume != nil, seed != nil || profile != nil || seededAugmentation {
      throw ValidationError("a resumed run keeps its seed and profile")
    }
  }

  func run() throws {
    if printConfig { return try Output.line(ConfigurationReference.text(try experiment())) }
    try TrainingRanks.run { ranks in
      var run = TrainingRun(RunFolder(path: resume ?? out!), options.workplace(of: ranks))
      (run.saveEvery, run.saveSteps, run.ranks) = (saveEvery, saveSteps, ranks)
      run.tensorBoard = tensorboard
      run.device = try ranks.agree { try device(for: ranks) }
      let state =
        try resume == nil
        ? run.start(try ranks.agree(experiment), dataOptions.images)
        : run.goOn(epochs: epochs, dataOptions.images)
      if ranks.isFirst { try show(state, of: run.folder) }
    }
  }

  /// What trains: many processes do so on the CPU.
  private func device(for ranks: any Ranks) throws -> ChosenDevice? {
    guard ranks.count > 1 else { return try deviceOptions.chosen(options) }
    if case .openCL = deviceOptions.device {
      throw ValidationError("many processes train on the CPU: --device cpu")
    }
    return nil
  }

  /// The experiment that is asked for, by its file or its name, with what flags change of it.
  private func experiment() throws -> ExperimentConfiguration {
    let name = configurationFile!
    let builtIn =
      FileManager.default.fileExists(atPath: name) ? nil : try BuiltInExperiments.named(name)
    var experiment =
      try builtIn ?? ExperimentConfiguration(yaml: try InputFile.text(name), path: name)
    if let epochs { experiment.training.epochs = epochs }
    if let seed { experiment.training.seed = seed }
    if let profile { experiment.training.profile = profile.profile }
    if seededAugmentation { experiment.training.profile.unseededAugmentation = false }
    return experiment
  }

  private func show(_ state: TrainingState, of folder: RunFolder) throws {
    let summary = Summary(
      epochs: state.epoch, parameters: state.network.parameterCount,
      loss: state.history.last?.loss, selectionAccuracy: state.history.last?.selectionAccuracy,
      digest: try state.network.digest(), weights: folder.last)
    if options.json { return try Output.json(summary) }
    try Output.line(
      "\(summary.weights): \(summary.parameters) parameters, digest \(summary.digest)")
  }

  private struct Summary: Encodable {
    let epochs: Int
    let parameters: Int
    let loss: Double?
    let selectionAccuracy: Double?
    let digest: String
    let weights: String
  }
}

/// A profile as a flag names it.
enum ProfileName: String, CaseIterable, ExpressibleByArgument {
  case published, corrected

  var profile: Profile { self == .published ? .published : .corrected }
}
