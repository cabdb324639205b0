import ArgumentParser
import CPLReference
import Foundation

struct TrainCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network and keeps its weights.",
    discussion: """
      Writes RUN/run.yml (the configuration with every default), RUN/last.h5 after each epoch, \
      every few minutes and when interrupted, RUN/previous.h5 (the state before that, from which a \
      run with a damaged last.h5 goes on), RUN/best.h5 and RUN/history.h5. An interrupted run \
      goes on with 'train --resume RUN', and a finished one with a larger number of --epochs.
      """)

  @Argument(
    help: "The configuration, such as experiments/cpl-small.yml.", completion: .file())
  var configurationFile: String?

  @Option(
    help: ArgumentHelp("The folder for the run, made when it is not there.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Take up an interrupted run.", valueName: "run"))
  var resume: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Train for so many epochs.", valueName: "count"))
  var epochs: Int?

  @Option(parsing: .unconditional, help: "The seed that everything random comes from.")
  var seed: UInt64?

  @Option(help: "Reproduce the published pipeline's quirks, or mend them.")
  var profile: ProfileName?

  @Flag(help: "Under the published profile, let the seed cover crops and flips all the same.")
  var seededAugmentation = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Save so often within an epoch: what a crash costs at most.", valueName: "seconds"))
  var saveEvery = 300.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Save after so many steps, too.", valueName: "count"))
  var saveSteps: Int?

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (configurationFile == nil) == (resume != nil) else {
      throw ValidationError("give either a configuration or --resume with a run's folder")
    }
    guard (out == nil) == (resume != nil) else {
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
    if let resume { try goOn(RunFolder(path: resume)) } else { try start(RunFolder(path: out!)) }
  }

  private func start(_ folder: RunFolder) throws {
    let file = configurationFile!
    var experiment = try ExperimentConfiguration(yaml: try InputFile.text(file), path: file)
    if let epochs { experiment.training.epochs = epochs }
    if let seed { experiment.training.seed = seed }
    if let profile { experiment.training.profile = profile.profile }
    if seededAugmentation { experiment.training.profile.unseededAugmentation = false }
    let images = try TrainingImages(dataOptions, experiment)
    try checkMemory(experiment, images: images.training.count)
    let run = RunConfiguration(
      experiment: experiment, images: images.selection(dataOptions),
      augmentationSeed: experiment.training.profile.unseededAugmentation
        ? UInt64.random(in: .min ... .max) : nil)
    try experiment.checkFits(images.training)
    let trainer = try images.trainer(run, options.workers)
    let state = initialState(experiment, images.training)
    let lock = try folder.create {
      // The beginning is saved too: whatever comes, there is a state to go on from. Until it is
      // there, the configuration says all.
      try folder.write(run)
      try state.write(to: folder.last, description: run.description, run: try run.identity())
    }
    try train(trainer, state, folder, run)
    _ = consume lock
  }

  private func goOn(_ folder: RunFolder) throws {
    var run = try folder.readConfiguration()
    let lock = try folder.lock()
    if let epochs { run.experiment.training.epochs = epochs }
    try run.experiment.check(path: folder.configurationFile)
    let stored =
      folder.isAtItsBeginning
      ? nil : try folder.readState(of: run) { options.progress.note($0) }
    let dataOptions = run.dataOptions(overriddenBy: dataOptions)
    let images: TrainingImages
    do {
      images = try TrainingImages(dataOptions, run.experiment)
    } catch let error as HintedError where self.dataOptions.data == nil {
      throw HintedError(
        error: error.error, hint: "the run was trained on it; say where it is now with --data")
    }
    try run.experiment.checkFits(images.training)
    let selection = images.selection(dataOptions)
    guard selection.digests == run.images.digests else {
      throw ReferenceError.mismatch(
        expected: "the images that \(folder.path) was trained on, "
          + "digest \(run.images.digests.joined(separator: " and "))",
        found: "\(images.training.count) of \(images.training.name), "
          + "digest \(selection.digests.joined(separator: " and "))")
    }
    try checkMemory(run.experiment, images: images.training.count)
    let state = stored ?? initialState(run.experiment, images.training)
    try state.network.check(takes: images.training)
    let trainer = try images.trainer(run, options.workers)
    let batch = run.experiment.training.batch
    guard state.batch == 0 || state.batch * batch < trainer.imagesPerEpoch else {
      throw ReferenceError.invalid(
        path: folder.last, location: "/progress",
        expected: "fewer batches of \(batch) than \(trainer.imagesPerEpoch) images make",
        found: "\(state.batch)")
    }
    if epochs != nil { try folder.write(run) }
    try train(trainer, state, folder, run)
    _ = consume lock
  }

  /// Refuses what cannot but end for lack of memory, before anything is made.
  private func checkMemory(_ experiment: ExperimentConfiguration, images: Int) throws {
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    let needed = Double(experiment.minimumMemory(images: images))
    guard needed <= available else {
      func gigabytes(_ bytes: Double) -> String { String(format: "%.1f GB", bytes / 1e9) }
      throw ReferenceError.mismatch(
        expected: "a training that fits into this machine's memory of \(gigabytes(available))",
        found: "\(experiment.name), which takes at least \(gigabytes(needed))")
    }
  }

  private func initialState(
    _ experiment: ExperimentConfiguration, _ training: ImageDataset
  ) -> TrainingState {
    let statistics = ChannelStatistics.named(training.name)
    let layers = experiment.model.layers(
      mean: statistics.mean,
      standardDeviation: experiment.training.normalizeInput
        ? statistics.standardDeviation : statistics.mean.map { _ in 1 })
    return TrainingState(network: CPLNetwork(layers, seed: experiment.training.seed))
  }

  private func train(
    _ trainer: Trainer, _ start: TrainingState, _ folder: RunFolder, _ run: RunConfiguration
  ) throws {
    let progress = options.progress
    let description = run.description
    let identity = try run.identity()
    let total = trainer.configuration.epochs * trainer.imagesPerEpoch
    let from =
      start.epoch * trainer.imagesPerEpoch
      + min(start.batch * trainer.configuration.batch, trainer.imagesPerEpoch)
    var state = start
    var done = from
    var saved = (date: Date(), steps: 0)
    func save(_ state: TrainingState) throws {
      folder.keepPrevious()
      try state.write(to: folder.last, description: description, run: identity)
      saved = (Date(), 0)
    }
    func isSavingDue() -> Bool {
      saved.steps > 0
        && (saved.steps >= saveSteps ?? .max
          || Date().timeIntervalSince(saved.date) >= saveEvery)
    }
    func report(_ event: TrainingEvent) throws {
      switch event {
      case .step(let epoch, let batch, let batches, let count, let loss, let rate):
        done += count
        saved.steps += 1
        progress.update(
          "epoch \(epoch) step \(batch)/\(batches)", done: done, from: from, total: total,
          unit: "images",
          note: String(format: "loss %.4f, learning rate %.2e", loss, rate))
      case .epoch(let state, let isBest):
        let record = state.history[state.history.count - 1]
        try state.checkFinite()
        if isBest { try state.network.write(to: folder.best, description: description) }
        try state.writeHistory(to: folder.history)
        try save(state)
        progress.note(
          String(
            format: "epoch %d: loss %.4f, accuracy %.1f %% on the %@, %@", record.epoch,
            record.loss, record.selectionAccuracy * 100,
            trainer.configuration.profile.bestOnTest ? "test images" : "validation images",
            Progress.duration(progress.seconds)))
      }
    }
    do {
      // The trainer stops to have its state saved, too: while it runs the state is its own.
      while try !trainer.run(
        &state, shouldStop: { Interruption.isRequested || isSavingDue() }, report: report)
      {
        try save(state)
        guard Interruption.isRequested else { continue }
        progress.note("stopped; go on with: cpl-verify train --resume \(folder.path)")
        throw Interruption.code
      }
    } catch let error as ReferenceError {
      guard case .nonFinite = error else { throw error }
      throw HintedError(error: error, hint: "the last good state is in \(folder.last)")
    }
    progress.finish()
    try show(
      Summary(
        epochs: state.epoch, parameters: state.network.parameterCount,
        loss: state.history.last?.loss, selectionAccuracy: state.history.last?.selectionAccuracy,
        digest: state.network.digest, weights: folder.last))
  }

  private func show(_ summary: Summary) throws {
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

/// The images that a run sees.
private struct TrainingImages {
  let training: ImageDataset
  /// Under the quirk `best-on-test`, what chooses the best epoch.
  let test: ImageDataset?

  init(_ options: DataOptions, _ experiment: ExperimentConfiguration) throws {
    let classes = experiment.model.classes
    training = try options.read(.train, classes: classes)
    test =
      experiment.training.profile.bestOnTest ? try options.readAll(.test, classes: classes) : nil
  }

  func trainer(_ run: RunConfiguration, _ workers: Workers) throws -> Trainer {
    try Trainer(
      run.experiment.training, training: training, test: test,
      augmentationSeed: run.augmentationSeed, workers: workers)
  }

  /// What a run's configuration says of them. The folder's path is made to hold wherever the run
  /// is taken up.
  func selection(_ options: DataOptions) -> RunConfiguration.ImageSelection {
    RunConfiguration.ImageSelection(
      data: options.data.map { URL(fileURLWithPath: $0).standardizedFileURL.path },
      dataset: options.dataset?.rawValue, limit: options.limit,
      indices: options.indices?.description, digest: training.digest, testDigest: test?.digest)
  }
}

/// A profile as a flag names it.
enum ProfileName: String, CaseIterable, ExpressibleByArgument {
  case published, corrected

  var profile: Profile { self == .published ? .published : .corrected }
}
