// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLDevices
import CPLFiles
import CPLNetworks
import CPLNumerics

/// Trains a network as section 6 of the paper does.
public struct Trainer: Sendable {
  package let configuration: TrainingConfiguration
  private let training: ImageDataset
  private let selection: ImageDataset
  private let sampler: BatchSampler
  private let augmentation: Augmentation
  private let schedule: LearningRateSchedule
  private let loss: any TrainingLoss
  private let workers: Workers
  private let ranks: any Ranks
  private let place: DevicePlace?
  private let counting: Counting?
  private let imagesAtOnce: Int

  /// What is counted of the images that choose the best epoch beside those that are classified correctly,
  /// from the network as it is evaluated, some of the images' logits, and their labels.
  package typealias Counting =
    @Sendable (_ network: CPLNetwork<Float>, _ logits: Tensor<Float>, _ labels: [Int]) -> Int

  /// A run on `training`, of which `configuration.validation` images are held out to choose the
  /// best epoch; under the quirk `best-on-test` that is done by `test` and nothing is held out.
  ///
  /// - Parameters:
  ///   - policy: what is done to the images.
  ///   - place: where steps and evaluations are computed; on the CPU without it.
  /// - Throws: `ReferenceError.mismatch` when there are too few images.
  public init(
    _ configuration: TrainingConfiguration, training: ImageDataset, test: ImageDataset?,
    augmentation policy: Augmentation.Policy = Augmentation.Policy(), workers: Workers,
    place: DevicePlace? = nil
  ) throws {
    try self.init(
      configuration, training: training, test: test, augmentation: policy, workers: workers,
      ranks: Alone(), place: place)
  }

  /// The same with what only commands set.
  ///
  /// - Parameters:
  ///   - augmentationSeed: the seed of crops and flips, other than the run's only under the quirk
  ///     `unseeded-augmentation`.
  ///   - ranks: the processes that train together, each of which has such a trainer.
  ///   - place: where steps and evaluations are computed, of a rank alone; on the CPU without it.
  ///   - counting: what else is counted after each epoch; it changes nothing.
  ///   - imagesAtOnce: how many images of a step go through the network at once on the CPU, 8·2^k, which bounds
  ///     the memory that a step takes and changes no bits; all of them without it.
  /// - Throws: `ReferenceError.mismatch` when there are too few images, or more ranks than a batch has
  ///   pieces (`BatchTree`).
  package init(
    _ configuration: TrainingConfiguration, training: ImageDataset, test: ImageDataset?,
    augmentation policy: Augmentation.Policy = Augmentation.Policy(),
    augmentationSeed: UInt64? = nil, workers: Workers, ranks: any Ranks = Alone(),
    place: DevicePlace? = nil, counting: Counting? = nil, imagesAtOnce: Int? = nil
  ) throws {
    self.configuration = configuration
    if configuration.profile.bestOnTest, let test {
      (self.training, selection) = (training, test)
    } else {
      (self.training, selection) = try training.holdingOut(
        validationCount: configuration.validation, seed: configuration.seed)
    }
    sampler = try BatchSampler(
      count: self.training.count, batchSize: configuration.batch, seed: configuration.seed)
    augmentation = Augmentation(policy, seed: augmentationSeed ?? configuration.seed)
    schedule = LearningRateSchedule(
      configuration.schedule, epochs: configuration.epochs, batches: sampler.batchesPerEpoch,
      learningRate: configuration.learningRate, offset: configuration.profile.learningRateOffset)
    loss = configuration.lossFunction
    self.workers = workers
    self.ranks = ranks
    self.place = ranks.count > 1 ? nil : place
    self.counting = counting
    self.imagesAtOnce = imagesAtOnce ?? configuration.batch
    let pieces = BatchTree.pieces(of: min(configuration.batch, self.training.count))
    guard ranks.count <= pieces else {
      throw ReferenceError.mismatch(
        expected:
          "at most \(pieces) ranks, which a batch of \(configuration.batch) images has work for, "
          + "\(BatchTree.imagesPerPiece) images each", found: "\(ranks.count)")
    }
  }

  /// The number of images that an epoch trains on.
  public var imagesPerEpoch: Int { training.count }

  /// The number of steps of an epoch.
  public var stepsPerEpoch: Int { sampler.batchesPerEpoch }

  /// The number of images that choose the best epoch.
  package var selectionImages: Int { selection.count }

  /// SHA-256 over the indices, in their data sets, of the images that are trained on and of those
  /// that choose the best epoch.
  package var splitDigest: String {
    var digest = Digest()
    for images in [training, selection] {
      digest.update(field: images.indices.map { "\($0)" }.joined(separator: ","))
    }
    return digest.hex()
  }

  /// Runs from `state` to the end of the last epoch, or until `shouldStop` says so after a step, on whatever
  /// rank. All ranks begin with the same state, and are given the same ones.
  ///
  /// A device that has too little memory leaves the rest of the run to the CPU, which `Device.check` tells.
  ///
  /// - Returns: whether the run came to its end.
  /// - Throws: `ReferenceError.nonFinite` when the loss is not finite, naming the step and the
  ///   first layer whose output is not; `state` is then the one before that step. `DeviceError` for a
  ///   device that is lost. Whatever `report` throws.
  public func run(
    _ state: inout TrainingState, shouldStop: () -> Bool,
    report: (TrainingEvent) throws -> Void
  ) throws -> Bool {
    let shared = SharedStep(state.network, among: ranks)
    var onDevice = try putOnDevice(state)
    while state.epoch < configuration.epochs {
      let batches = sampler.batches(epoch: state.epoch)
      while state.batch < batches.count {
        if ranks.any(shouldStop()) {
          try onDevice?.store(in: &state)
          shared.spreadMoments(&state)
          return false
        }
        try step(
          &state, &onDevice, shared, positions: batches[state.batch], batches: batches.count,
          report: report)
      }
      try onDevice?.store(in: &state)
      shared.spreadMoments(&state)
      let (isBest, counted) = try finishEpoch(&state, &onDevice)
      try report(.epoch(state, isBest: isBest, counted: counted))
    }
    return true
  }

  private func step(
    _ state: inout TrainingState, _ onDevice: inout TrainingOnDevice?, _ shared: SharedStep,
    positions: ArraySlice<Int>, batches: Int, report: (TrainingEvent) throws -> Void
  ) throws {
    let number = state.epoch * batches + state.batch
    let rate = schedule.rate(step: number)
    let onItsOwn = try stepOnDevice(
      &state, &onDevice, positions: positions, learningRate: rate)
    let loss = Double(
      try onItsOwn
        ?? stepOnCPU(&state, shared, positions: positions, number: number, learningRate: rate))
    state.batch += 1
    state.lossSum += loss * Double(positions.count)
    try report(
      .step(
        epoch: state.epoch + 1, batch: state.batch, batches: batches, images: positions.count,
        loss: loss, learningRate: rate))
  }

  /// The run on the device; nil where the CPU computes it.
  private func putOnDevice(_ state: TrainingState) throws -> TrainingOnDevice? {
    guard let place else { return nil }
    do {
      return try TrainingOnDevice(state, on: place.device)
    } catch {
      guard case .outOfMemory = error else { throw error }
      place.device.fail(with: error)
      return nil
    }
  }

  /// Makes a step on the device, whose state moves there alone.
  ///
  /// - Returns: the loss; nil where the step is left to the CPU, with the state before it: because there is no
  ///   device, because it has too little memory, or because the loss is not finite, which the CPU tells.
  private func stepOnDevice(
    _ state: inout TrainingState, _ onDevice: inout TrainingOnDevice?,
    positions: ArraySlice<Int>, learningRate: Double
  ) throws -> Float? {
    guard let place, onDevice != nil else { return nil }
    do {
      let mean = try onDevice?.step(
        images: augmentation.images(of: training, at: positions, epoch: state.epoch),
        labels: positions.map { training.labels[$0] }, loss: loss,
        densePowerGradient: configuration.profile.densePowerGradient, learningRate: learningRate)
      if let mean { return mean }
    } catch {
      guard case .outOfMemory = error else { throw error }
      place.device.fail(with: error)
    }
    try onDevice?.store(in: &state)
    onDevice = nil
    return nil
  }

  /// Makes a step on the CPU, with the other ranks.
  ///
  /// - Returns: the loss.
  private func stepOnCPU(
    _ state: inout TrainingState, _ shared: SharedStep, positions: ArraySlice<Int>, number: Int,
    learningRate: Double
  ) throws -> Float {
    var network = state.network
    let followers = network.deriveWeights(
      densePowerGradient: configuration.profile.densePowerGradient, workers: workers)
    let total = shared.total(
      shared.blocks(of: positions.count).map { block in
        let own = positions.dropFirst(block.lowerBound).prefix(block.count)
        return sums(over: own, of: positions.count, network, epoch: state.epoch)
      }, of: positions.count)
    let loss = total.loss / Float(positions.count)
    guard loss.isFinite else {
      let images = augmentation.images(of: training, at: positions, epoch: state.epoch)
      // Where all layers give numbers, their sum is too large; it is made of the head's.
      let layer =
        network.firstNonFiniteLayer(images, workers: workers)
        ?? network.layers[network.layers.count - 1].name
      throw ReferenceError.nonFinite(quantity: "the loss", step: number + 1, layer: layer)
    }
    var gradients = zip(network.layers, total.layers).map { layer, sums in
      sums.map { layer.parameterGradient($0) }
    }
    for (position, follow) in followers where gradients[position] != nil {
      follow(&gradients[position]!, workers)
    }
    state.network = network
    network.layers = []
    state.apply(gradients, learningRate: learningRate, workers: workers)
    shared.spreadParameters(&state.network)
    return loss
  }

  /// What the images of a subtree of a batch of so many add to its sums, made of as many at once as memory allows.
  private func sums(
    over positions: ArraySlice<Int>, of batch: Int, _ network: CPLNetwork<Float>, epoch: Int
  ) -> LossSums<Float> {
    let parts = stride(from: 0, to: positions.count, by: imagesAtOnce).map {
      positions.dropFirst($0).prefix(imagesAtOnce)
    }
    let total = BatchTreeSum<LossSums<Float>>(pieces: parts.count) { $0.add($1) }
    for (index, part) in parts.enumerated() {
      total.insert(
        network.lossSums(
          images: augmentation.images(of: training, at: part, epoch: epoch),
          labels: part.map { training.labels[$0] }, loss: loss, batch: batch, workers: workers),
        of: index)
    }
    return total.whole!
  }

  /// Measures the accuracy that chooses the best epoch, and closes the epoch.
  private func finishEpoch(
    _ state: inout TrainingState, _ onDevice: inout TrainingOnDevice?
  ) throws -> (isBest: Bool, counted: Int?) {
    let (evaluated, evaluatedOnDevice) = try evaluatedNetwork(state, onDevice)
    let own = selections(place.map(evaluated.placed) ?? evaluated)
    let correct = ranks.sum(own.correct)
    let counted = own.counted.map { ranks.sum($0) }
    if evaluatedOnDevice == nil { onDevice = nil }
    if configuration.profile.evaluationMutates {
      (state.network, onDevice) = (evaluated, evaluatedOnDevice)
    }
    let record = EpochRecord(
      epoch: state.epoch + 1, loss: state.lossSum / Double(training.count),
      learningRate: schedule.rate(
        step: state.epoch * sampler.batchesPerEpoch + sampler.batchesPerEpoch - 1),
      selectionAccuracy: Double(correct) / Double(selection.count))
    state.history.append(record)
    state.epoch += 1
    state.batch = 0
    state.lossSum = 0
    return (state.bestEpoch == record, counted)
  }

  /// The network as it is evaluated, with the steps of many iterations; and on the device, nil where the CPU goes on.
  private func evaluatedNetwork(
    _ state: TrainingState, _ onDevice: TrainingOnDevice?
  ) throws -> (network: CPLNetwork<Float>, onDevice: TrainingOnDevice?) {
    var network = state.network
    if let place, var onDevice {
      do {
        try onDevice.updateSteps()
        try onDevice.store(in: &network)
        return (network, onDevice)
      } catch {
        guard case .outOfMemory = error else { throw error }
        place.device.fail(with: error)
        network = state.network
      }
    }
    network.updateSteps(iterations: CPLNetwork<Float>.evaluationIterations, workers: workers)
    return (network, nil)
  }

  /// How many of this rank's share of the images that choose the best epoch are classified correctly, and what
  /// else is counted of them.
  private func selections(_ network: CPLNetwork<Float>) -> (correct: Int, counted: Int?) {
    let share = selection.selecting(ranks.share(of: selection.count, for: ranks.rank))
    let logits = network.logits(of: share, workers: workers) { _ in }
    return (
      zip(logits.rowMaxima, share.labels).count { $0 == $1 },
      counting.map { $0(network, logits, share.labels) }
    )
  }
}

extension TrainingState {
  /// Moves every parameter by its gradient, but for those of layers whose gradient is nil.
  mutating func apply(
    _ gradients: [LayerGradient<Float>?], learningRate: Double, workers: Workers
  ) {
    optimizer.update(&network, gradients: gradients, learningRate: learningRate, workers: workers)
  }
}
