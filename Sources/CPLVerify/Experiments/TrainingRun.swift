// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLReference
import CPLReproduction
import Foundation

/// A training run in its folder: begun, or taken up where it was left.
package struct TrainingRun {
  package let folder: RunFolder
  /// Save so often within an epoch, in seconds: what a crash costs at most.
  package var saveEvery = 300.0
  /// Save after so many steps, too.
  package var saveSteps: Int?
  /// Whether events are kept for TensorBoard, too.
  package var tensorBoard = false
  /// The command that goes on with the run, which is told when it is stopped; nil to not tell.
  package var again: String?
  /// The command that a run that is begun is noted to come from.
  package var command: String
  /// Why a run that is begun has not the epochs of its experiment; nil where it has.
  package var epochsReason: String?

  /// The processes that train together. All read the folder; rank 0 alone writes it and tells.
  package var ranks: any Ranks = Alone()

  /// What trains the network, where one process does; the CPU without it.
  package var device: ChosenDevice?

  let workplace: Workplace
  var workers: Workers { workplace.workers }
  var observer: any WorkObserver { workplace.observer }

  package init(_ folder: RunFolder, _ workplace: Workplace) {
    self.folder = folder
    self.workplace = workplace
    command = workplace.command
    again = "cpl-verify train --resume \(folder.path)"
  }

  /// Begins the run in a folder that holds none, and trains to its end.
  package func start(
    _ experiment: ExperimentConfiguration, _ choice: ImageChoice
  ) throws -> TrainingState {
    let choice = choice.completed(by: experiment)
    let augmentationSeed =
      experiment.training.profile.unseededAugmentation
      ? ranks.ofFirst(UInt64.random(in: .min ... .max)) : nil
    let (images, run, trainer, state) = try ranks.agree {
      let images = try TrainingImages(choice, experiment)
      let imagesAtOnce = try self.imagesAtOnce(experiment, of: images.training.count)
      var run = RunConfiguration(
        experiment: experiment, images: images.selection(choice),
        augmentationSeed: augmentationSeed, command: command)
      run.epochsReason = epochsReason
      try experiment.checkFits(images.training)
      let state = try initialState(experiment, images.training)
      let trainer = try images.trainer(
        run, workers, ranks, place: place(of: state), imagesAtOnce: imagesAtOnce)
      run.images.fitted = trainer.imagesPerEpoch
      run.images.selecting = trainer.selectionImages
      run.images.splitDigest = trainer.splitDigest
      return (images, run, trainer, state)
    }
    try checkRanks(state, trainer, run)
    let lock = try ranks.agree { () throws -> RunLock? in
      guard ranks.isFirst else { return nil }
      return try folder.create {
        // The beginning is saved too: whatever comes, there is a state to go on from. Until it is
        // there, the configuration says all.
        try folder.write(run)
        try state.write(
          to: folder.last,
          description: run.description(of: images.training, by: workplace.program),
          run: try run.identity.yaml())
      }
    }
    let trained = try train(trainer, state, run, on: images.training, resumed: false)
    _ = consume lock
    return trained
  }

  /// Takes the run up where it was left, and trains to its end.
  ///
  /// - Parameters:
  ///   - epochs: the number of epochs, where that is to change.
  ///   - choice: where the images are, where that has changed.
  package func goOn(epochs: Int?, _ choice: ImageChoice) throws -> TrainingState {
    let run = try ranks.agree {
      var run = try folder.readConfiguration()
      if let epochs { run.experiment.training.epochs = epochs }
      try run.experiment.check(path: folder.configurationFile)
      return run
    }
    let lock = try ranks.agree { ranks.isFirst ? try folder.lock() : nil }
    // Rank 0 goes ahead: it may have to put the state before into the place of a damaged one.
    let found = try ranks.agree { ranks.isFirst ? try storedState(of: run) : nil }
    let (images, trainer, state) = try ranks.agree {
      let stored = ranks.isFirst ? found : try storedState(of: run)
      let images = try self.images(of: run, choice)
      let imagesAtOnce = try self.imagesAtOnce(run.experiment, of: images.training.count)
      let state = try stored ?? initialState(run.experiment, images.training)
      try state.network.check(takes: images.training)
      let trainer = try images.trainer(
        run, workers, ranks, place: place(of: state), imagesAtOnce: imagesAtOnce)
      let batch = run.experiment.training.batch
      guard state.batch == 0 || state.batch * batch < trainer.imagesPerEpoch else {
        throw ReferenceError.invalid(
          path: folder.last, location: "/progress",
          expected: "fewer batches of \(batch) than \(trainer.imagesPerEpoch) images make",
          found: "\(state.batch)")
      }
      return (images, trainer, state)
    }
    try checkRanks(state, trainer, run)
    try ranks.agree { if epochs != nil, ranks.isFirst { try folder.write(run) } }
    let trained = try train(trainer, state, run, on: images.training, resumed: true)
    _ = consume lock
    return trained
  }

  /// Where a run is trained; nil for the CPU.
  private func place(of state: TrainingState) throws -> DevicePlace? {
    try device?.suiting(training: state, observer)?.place(observer)
  }

  /// The state in which the run was left; nil at its beginning.
  private func storedState(of run: RunConfiguration) throws -> TrainingState? {
    folder.isAtItsBeginning ? nil : try folder.readState(of: run) { observer.note($0) }
  }

  /// The images of a run that is taken up, which have to be those that it was begun on.
  private func images(of run: RunConfiguration, _ choice: ImageChoice) throws -> TrainingImages {
    let runImages = run.images(overriddenBy: choice)
    let images: TrainingImages
    do {
      images = try TrainingImages(runImages, run.experiment)
    } catch let error as HintedError where choice.data == nil {
      throw HintedError(
        error: error.error, hint: "the run was trained on it; say where it is now with --data")
    }
    try run.experiment.checkFits(images.training)
    let selection = images.selection(runImages)
    guard selection.digests == run.images.digests else {
      throw ReferenceError.mismatch(
        expected: "the images that \(folder.path) was trained on, "
          + "digest \(run.images.digests.joined(separator: " and "))",
        found: "\(images.training.count) of \(images.training.name), "
          + "digest \(selection.digests.joined(separator: " and "))")
    }
    return images
  }

  /// How many images of a step are computed at once. Refuses what cannot but end for lack of memory, before
  /// anything is made.
  func imagesAtOnce(_ experiment: ExperimentConfiguration, of images: Int) throws -> Int {
    let available = Int(clamping: workplace.memory)
    guard let fitting = experiment.imagesAtOnce(of: images, memory: available) else {
      func gigabytes(_ bytes: Int) -> String { String(format: "%.1f GB", Double(bytes) / 1e9) }
      let needed = experiment.minimumMemory(imagesAtOnce: min(images, BatchTree.imagesPerPiece))
      throw ReferenceError.mismatch(
        expected: "a training that fits into this machine's memory of \(gigabytes(available))",
        found: "\(experiment.name), which takes at least \(gigabytes(needed))")
    }
    return fitting
  }

  func initialState(
    _ experiment: ExperimentConfiguration, _ training: ImageDataset
  ) throws -> TrainingState {
    let (mean, deviation) = try experiment.normalization(of: training)
    let layers = experiment.model.layers(mean: mean, standardDeviation: deviation)
    return TrainingState(
      network: CPLNetwork(layers, seed: experiment.training.seed), for: experiment.training)
  }

  private func train(
    _ trainer: Trainer, _ start: TrainingState, _ run: RunConfiguration, on images: ImageDataset,
    resumed: Bool
  ) throws -> TrainingState {
    let log = try ranks.agree {
      try ranks.isFirst
        ? EventLog(
          folder.events, resumes: resumed, tensorBoard: tensorBoard, now: workplace.now,
          note: observer.note) : nil
    }
    log?.begin(of: run, command: workplace.command, resumed: resumed)
    do {
      let state = try train(trainer, start, run, on: images, log)
      log?.end(.finished)
      return state
    } catch {
      log?.end(observer.isInterrupted ? .stopped : .failed)
      throw error
    }
  }

  private func train(
    _ trainer: Trainer, _ start: TrainingState, _ run: RunConfiguration, on images: ImageDataset,
    _ log: EventLog?
  ) throws -> TrainingState {
    observer.begin()
    let begun = workplace.now()
    let description = run.description(of: images, by: workplace.program)
    let identity = try run.identity.yaml()
    let total = trainer.configuration.epochs * trainer.imagesPerEpoch
    let from =
      start.epoch * trainer.imagesPerEpoch
      + min(start.batch * trainer.configuration.batch, trainer.imagesPerEpoch)
    var state = start
    var done = from
    var saved = (date: begun, steps: 0)
    func save(_ state: TrainingState) throws {
      saved = (workplace.now(), 0)
      // All ranks have the same state: what keeps rank 0 from writing it has to stop the others, too.
      guard ranks.isFirst else { return try state.checkFinite() }
      folder.keepPrevious()
      try state.write(to: folder.last, description: description, run: identity)
    }
    func isSavingDue() -> Bool {
      saved.steps > 0
        && (saved.steps >= saveSteps ?? .max
          || workplace.now().timeIntervalSince(saved.date) >= saveEvery)
    }
    func report(_ event: TrainingEvent) throws {
      try device?.check(observer)
      switch event {
      case .step(let epoch, let batch, let batches, let count, let loss, let rate):
        done += count
        saved.steps += 1
        log?.step(
          epoch: epoch, of: trainer.configuration.epochs, step: batch, of: batches, images: count,
          loss: loss, learningRate: rate)
        observer.update(
          WorkProgress(
            "epoch \(epoch) step \(batch)/\(batches)", done: done, from: from, total: total,
            unit: "images",
            note: String(format: "loss %.4f, learning rate %.2e", loss, rate)))
      case .epoch(let state, let isBest, let certified):
        let record = state.history[state.history.count - 1]
        try state.checkFinite()
        if ranks.isFirst {
          if isBest { try state.network.write(to: folder.best, description: description) }
          try state.writeHistory(to: folder.history)
        }
        try save(state)
        log?.epoch(
          record, of: trainer.configuration.epochs, steps: trainer.stepsPerEpoch, isBest: isBest,
          certifiedAccuracy: certified.map { Double($0) / Double(trainer.selectionImages) })
        observer.note(
          String(
            format: "epoch %d: loss %.4f, accuracy %.1f %% on the %@, %@", record.epoch,
            record.loss, record.selectionAccuracy * 100,
            trainer.configuration.profile.bestOnTest ? "test images" : "validation images",
            DurationText.of(workplace.now().timeIntervalSince(begun))))
      }
    }
    do {
      // The trainer stops to have its state saved, too: while it runs the state is its own.
      while try !trainer.run(
        &state, shouldStop: { observer.isInterrupted || isSavingDue() }, report: report)
      {
        try save(state)
        guard ranks.any(observer.isInterrupted) else { continue }
        if let again { observer.note("stopped; continue with: \(again)") }
        try observer.checkInterruption()
        throw RankFailure.toldByFirst(nil)
      }
    } catch let error as ReferenceError {
      guard case .nonFinite = error else { throw error }
      let hint = "the last good state is in \(folder.last)"
      guard ranks.count == 1 else { throw ranks.failure(0, error, hint: hint) }
      throw HintedError(error: error, hint: hint)
    }
    observer.finish()
    guard ranks.isFirst else { return state }
    return try writeFinalSteps(
      state, under: trainer.configuration.profile, description: description, identity: identity)
  }
}

extension TrainingRun {
  /// Checks that all ranks are about to do the same.
  private func checkRanks(_ state: TrainingState, _ trainer: Trainer, _ run: RunConfiguration)
    throws
  {
    guard ranks.count > 1 else { return }
    try ranks.agree(on: [
      ("the program", try workplace.program.identity()),
      ("the configuration", try run.identity.yaml()),
      ("the number of epochs", "\(trainer.configuration.epochs)"),
      ("the division of the images", trainer.splitDigest),
      ("the progress", "epoch \(state.epoch), batch \(state.batch)"),
      ("the digest of the state", try state.digest()),
    ])
  }
}
