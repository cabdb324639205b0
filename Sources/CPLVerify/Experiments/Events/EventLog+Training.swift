// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension EventLog {
  /// Tells that a training begins.
  func begin(of run: RunConfiguration, command: String, resumed: Bool) {
    var event = RunEvent(.begin)
    (event.run, event.command, event.resumed) = (.train, command, resumed)
    event.epochs = run.experiment.training.epochs
    append(event)
  }

  /// Counts a step, and tells of it when that is due.
  func step(
    epoch: Int, of epochs: Int, step: Int, of steps: Int, images: Int, loss: Double,
    learningRate: Double
  ) {
    count(images: images)
    guard isDue else { return }
    var event = RunEvent(.step)
    (event.epoch, event.epochs, event.step, event.steps) = (epoch, epochs, step, steps)
    (event.loss, event.learningRate) = (loss, learningRate)
    event.imagesPerSecond = imagesPerSecond
    append(event)
  }

  /// Tells of an epoch.
  func epoch(
    _ record: EpochRecord, of epochs: Int, steps: Int, isBest: Bool, certifiedAccuracy: Double?
  ) {
    var event = RunEvent(.epoch)
    (event.epoch, event.epochs, event.steps) = (record.epoch, epochs, steps)
    (event.loss, event.learningRate) = (record.loss, record.learningRate)
    // Where no image chooses, it is no number.
    event.accuracy = record.selectionAccuracy.isFinite ? record.selectionAccuracy : nil
    event.certifiedAccuracy = certifiedAccuracy.flatMap { $0.isFinite ? $0 : nil }
    event.isBest = isBest
    event.imagesPerSecond = imagesPerSecond
    append(event)
  }
}
