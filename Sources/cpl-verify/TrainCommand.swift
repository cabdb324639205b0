import ArgumentParser
import CPLReference
import Foundation

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network and keeps its weights.",
    discussion: """
      Writes RUN/run.yml (the configuration with every default), RUN/last.h5 after each epoch and \
      when interrupted, RUN/best.h5 and RUN/history.h5. An interrupted run goes on with \
      'train --resume RUN'.
      """)

  @Argument(
    help: "The configuration, such as experiments/cpl-small.yml.", completion: .file())
  var configurationFile: String?

  @Option(
    help: ArgumentHelp("The folder for the run, made when it is not there.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Take up an interrupted run.", valueName: "run"))
  var resume: String?

  @Option(help: ArgumentHelp("Train for so many epochs.", valueName: "count"))
  var epochs: Int?

  @Option(help: "The seed that everything random comes from.")
  var seed: UInt64?

  @Option(help: "Reproduce the published pipeline's quirks, or mend them.")
  var profile: ProfileName?

  @Flag(help: "Under the published profile, let the seed cover crops and flips all the same.")
  var seededAugmentation = false

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (configurationFile == nil) == (resume != nil) else {
      throw ValidationError("give either a configuration or --resume with a run's folder")
    }
    guard (out == nil) == (resume != nil) else {
      throw ValidationError("give --out with a configuration, and not with --resume")
    }
    if resume != nil, seed != nil || profile != nil || seededAugmentation {
      throw ValidationError("a resumed run keeps its seed and profile")
    }
  }

  func run() throws {
    let folder = RunFolder(path: resume ?? out!)
    var run = try resume == nil ? newRun() : folder.readConfiguration()
    if let epochs { run.experiment.training.epochs = epochs }
    try run.experiment.check(path: configurationFile ?? folder.configurationFile)
    let data = run.dataOptions(overriddenBy: dataOptions)
    let training = try data.read(.train)
    let configuration = run.experiment.training
    let test = configuration.profile.bestOnTest ? try data.readAll(.test) : nil
    try run.experiment.checkFits(training)
    let trainer = try Trainer(
      configuration, training: training, test: test, augmentationSeed: run.augmentationSeed,
      workers: options.workers)
    var state =
      try resume == nil ? initialState(run.experiment, training) : folder.readState(run.experiment)
    if resume == nil { try folder.create() }
    try folder.write(run)
    try train(trainer, &state, folder, run, images: trainer.imagesPerEpoch)
  }

  private func newRun() throws -> RunConfiguration {
    let text = try RunFolder.text(at: configurationFile!)
    var experiment = try ExperimentConfiguration(yaml: text, path: configurationFile!)
    if let seed { experiment.training.seed = seed }
    if let profile { experiment.training.profile = profile.profile }
    if seededAugmentation { experiment.training.profile.unseededAugmentation = false }
    return RunConfiguration(
      experiment: experiment, data: dataOptions.data, dataset: dataOptions.dataset?.rawValue,
      limit: dataOptions.limit,
      augmentationSeed: experiment.training.profile.unseededAugmentation
        ? UInt64.random(in: .min ... .max) : nil)
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
    _ trainer: Trainer, _ state: inout TrainingState, _ folder: RunFolder, _ run: RunConfiguration,
    images: Int
  ) throws {
    let progress = options.progress
    let description = run.description
    let total = trainer.configuration.epochs * images
    let from = state.epoch * images + state.batch * trainer.configuration.batch
    var done = from
    let isFinished = try trainer.run(&state) {
      Interruption.isRequested
    } report: { event in
      switch event {
      case .step(let epoch, let batch, let batches, let count, let loss, let rate):
        done += count
        progress.update(
          "epoch \(epoch) step \(batch)/\(batches)", done: done, from: from, total: total,
          unit: "images",
          note: String(format: "loss %.4f, learning rate %.2e", loss, rate))
      case .epoch(let state, let isBest):
        let record = state.history[state.history.count - 1]
        progress.note(
          String(
            format: "epoch %d: loss %.4f, accuracy %.1f %% on the %@, %@", record.epoch,
            record.loss, record.selectionAccuracy * 100,
            trainer.configuration.profile.bestOnTest ? "test images" : "validation images",
            Progress.duration(progress.seconds)))
        if isBest { try state.network.write(to: folder.best, description: description) }
        try state.write(to: folder.last, description: description)
        try state.writeHistory(to: folder.history)
      }
    }
    progress.finish()
    try state.write(to: folder.last, description: description)
    guard isFinished else {
      progress.note("stopped; go on with: cpl-verify train --resume \(folder.path)")
      throw Interruption.code
    }
    if options.json {
      try Output.json(
        Summary(
          epochs: state.epoch, parameters: state.network.parameterCount,
          loss: state.history.last?.loss, selectionAccuracy: state.history.last?.selectionAccuracy,
          digest: state.network.digest, weights: folder.last))
    } else {
      try Output.line(
        "\(folder.last): \(state.network.parameterCount) parameters, digest \(state.network.digest)"
      )
    }
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
