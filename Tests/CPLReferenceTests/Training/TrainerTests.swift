// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Trainer")
struct TrainerTests {
  private static let dataset = SyntheticImages.make(count: 200, seed: 7, split: .train)
  private static let testSet = SyntheticImages.make(count: 50, seed: 7, split: .test)

  /// 160 images to train on, in five batches of 32.
  private static var configuration: TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.epochs = 2
    configuration.batch = 32
    configuration.learningRate = 0.01
    configuration.seed = 3
    configuration.validation = 40
    return configuration
  }

  /// Large enough that every layer is cut into several pieces of work.
  private static func start(seed: UInt64 = 3) -> TrainingState {
    let model = ModelRecipe(
      convolutionLayers: 2, channels: 5, convolutionInner: 4, linearLayers: 1, linearInner: 300)
    return TrainingState(
      network: CPLNetwork(
        model.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: seed))
  }

  private static func trainer(
    _ configuration: TrainingConfiguration = Self.configuration, threads: Int = 1
  ) throws -> Trainer {
    try Trainer(
      configuration, training: dataset, test: testSet, workers: Workers(threads: threads))
  }

  /// Everything that a state is, in bytes and numbers.
  private static func contents(_ state: TrainingState) -> [String] {
    [
      state.network.parametersDigest, "\(state.epoch) \(state.batch) \(state.lossSum)",
      "\(state.history)",
    ]
      + state.network.powerVectors.map { Digest.of($0.bytes) }
      + state.network.stepSizes.map { "\($0)" }
      + ["\(state.optimizer.step)"]
      + state.optimizer.moments.flatMap(\.self).map { Digest.of($0.bytes) }
  }

  private static func run(
    _ trainer: Trainer, from state: TrainingState
  ) throws -> (state: TrainingState, events: [TrainingEvent]) {
    var state = state
    var events: [TrainingEvent] = []
    #expect(try trainer.run(&state, shouldStop: { false }, report: { events.append($0) }))
    return (state, events)
  }

  @Test("the same seed gives the same bytes for any number of threads")
  func threads() throws {
    let runs = try [1, 2, 3].map {
      Self.contents(try Self.run(try Self.trainer(threads: $0), from: Self.start()).state)
    }
    #expect(runs[1] == runs[0])
    #expect(runs[2] == runs[0])
  }

  @Test("another seed gives other weights, and training changes them")
  func seeds() throws {
    let trained = try Self.run(try Self.trainer(), from: Self.start()).state.network
      .parametersDigest
    var configuration = Self.configuration
    configuration.seed = 4
    let other = try Self.run(try Self.trainer(configuration), from: Self.start())
    #expect(other.state.network.parametersDigest != trained)
    #expect(Self.start().network.parametersDigest != trained)
    #expect(Self.start(seed: 4).network.parametersDigest != Self.start().network.parametersDigest)
  }

  @Test("a run that is stopped before any step and taken up again ends in the same bytes")
  func resumes() throws {
    let trainer = try Self.trainer()
    let whole = Self.contents(try Self.run(trainer, from: Self.start()).state)
    for stop in 0..<10 {
      var state = Self.start()
      var polls = 0
      let isDone = try trainer.run(
        &state,
        shouldStop: {
          defer { polls += 1 }
          return polls == stop
        }, report: { _ in })
      #expect(!isDone)
      #expect(state.optimizer.step == stop)
      // As it comes back from a file.
      let stored = TrainingState(
        network: state.network,
        optimizer: Adam(
          step: state.optimizer.step, firstMoments: state.optimizer.moments[0],
          secondMoments: state.optimizer.moments[1]), epoch: state.epoch, batch: state.batch,
        lossSum: state.lossSum, history: state.history)
      let end = try Self.run(try Self.trainer(), from: stored).state
      #expect(Self.contents(end) == whole, "stopped after \(stop) steps")
    }
  }

  @Test("events tell every step and epoch, and the best epoch is the first of the most accurate")
  func events() throws {
    var configuration = Self.configuration
    configuration.epochs = 4
    let (state, events) = try Self.run(try Self.trainer(configuration), from: Self.start())
    var (steps, losses, bests): ([Int], [Double], [Int]) = ([], [], [])
    for event in events {
      switch event {
      case .step(let epoch, let batch, let batches, let images, let loss, _):
        #expect(batches == 5)
        #expect(images == 32)
        steps.append((epoch - 1) * 5 + batch)
        losses.append(loss)
      case .epoch(let state, let isBest, _):
        #expect(state.history.count == state.epoch)
        if isBest { bests.append(state.epoch) }
      }
    }
    #expect(steps == Array(1...20))
    #expect(state.history.map(\.epoch) == [1, 2, 3, 4])
    for record in state.history {
      let mean = losses[(record.epoch - 1) * 5..<record.epoch * 5].reduce(0, +) / 5
      #expect(abs(record.loss - mean) <= gamma(20, Double.self) * mean)
    }
    let accuracies = state.history.map(\.selectionAccuracy)
    let improvements = accuracies.indices.filter { index in
      accuracies[..<index].allSatisfy { $0 < accuracies[index] }
    }
    #expect(bests == improvements.map { $0 + 1 })
    #expect(state.bestEpoch == state.history[improvements.last!])
  }

  @Test("the loss falls")
  func learns() throws {
    var configuration = Self.configuration
    configuration.epochs = 6
    let history = try Self.run(try Self.trainer(configuration), from: Self.start()).state.history
    #expect(history.last!.loss < 0.8 * history[0].loss)
  }

  // MARK: Values that are not finite

  @Test(
    "a weight that is not a number stops the run, naming the step and the layer",
    arguments: [
      (2, "convolution.0"), (3, "convolution.1"), (6, "linear.0"), (7, "last-layer-normalised"),
    ], [Float.nan, .infinity])
  func plantedWeight(layer: (position: Int, name: String), value: Float) throws {
    var state = Self.start()
    state.network.layers[layer.position].updateParameters { index, parameter in
      if index == 0 { parameter.elements[7] = value }
    }
    let before = Self.contents(state)
    #expect(
      throws: ReferenceError.nonFinite(quantity: "the loss", step: 1, layer: layer.name)
    ) {
      try Self.trainer().run(&state, shouldStop: { false }, report: { _ in })
    }
    #expect(Self.contents(state) == before)
  }

  @Test("a learning rate that is far too large stops the run at the step it spoils")
  func hugeLearningRate() throws {
    var configuration = Self.configuration
    configuration.learningRate = 1e30
    var state = Self.start()
    var steps = 0
    let error = #expect(throws: ReferenceError.self) {
      try Self.trainer(configuration).run(
        &state, shouldStop: { false }, report: { _ in steps += 1 })
    }
    guard case .nonFinite(_, let step, let layer)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(steps > 0)
    #expect(step == steps + 1)
    #expect(state.network.layers.map(\.name).contains(layer))
  }

  // MARK: Quirks

  @Test("under `lr-offset` the last epoch changes no weight, and a single epoch trains nothing")
  func learningRateOffset() throws {
    var configuration = Self.configuration
    configuration.profile.learningRateOffset = true
    var digests: [String] = []
    var rates: [Double] = []
    for event in try Self.run(try Self.trainer(configuration), from: Self.start()).events {
      switch event {
      case .step(_, _, _, _, _, let rate): rates.append(rate)
      case .epoch(let state, _, _): digests.append(state.network.parametersDigest)
      }
    }
    #expect(digests[0] == digests[1])
    #expect(digests[0] != Self.start().network.parametersDigest)
    #expect(rates[..<4].allSatisfy { $0 > 0 })
    #expect(rates[4...].allSatisfy { $0 == 0 })

    configuration.epochs = 1
    let single = try Self.run(try Self.trainer(configuration), from: Self.start())
    #expect(single.state.network.parametersDigest == Self.start().network.parametersDigest)
  }

  @Test("evaluating an epoch leaves u and h as the last step did, but not under the quirk")
  func evaluationMutates() throws {
    struct Stop: Error {}
    var configuration = Self.configuration
    configuration.epochs = 1
    var lastStep = Self.start()
    #expect(throws: Stop.self) {
      try Self.trainer(configuration).run(&lastStep, shouldStop: { false }) { event in
        if case .step(_, batch: 5, _, _, _, _) = event { throw Stop() }
      }
    }
    let corrected = try Self.run(try Self.trainer(configuration), from: Self.start()).state
    #expect(corrected.network.parametersDigest == lastStep.network.parametersDigest)
    #expect(corrected.network.powerVectors == lastStep.network.powerVectors)
    #expect(corrected.network.stepSizes == lastStep.network.stepSizes)

    configuration.profile.evaluationMutates = true
    let published = try Self.run(try Self.trainer(configuration), from: Self.start()).state
    #expect(published.network.parametersDigest == lastStep.network.parametersDigest)
    lastStep.network.updateSteps(iterations: 100, workers: .serial)
    #expect(published.network.powerVectors == lastStep.network.powerVectors)
    #expect(published.network.powerVectors != corrected.network.powerVectors)
    #expect(published.history == corrected.history)
  }

  @Test("under `best-on-test` nothing is held out and the test set chooses the best epoch")
  func bestOnTest() throws {
    var configuration = Self.configuration
    configuration.epochs = 1
    #expect(try Self.trainer(configuration).imagesPerEpoch == 160)
    configuration.profile.bestOnTest = true
    let trainer = try Self.trainer(configuration)
    #expect(trainer.imagesPerEpoch == 200)
    var network = try Self.run(trainer, from: Self.start()).state
    let accuracy = network.history[0].selectionAccuracy
    network.network.updateSteps(iterations: 100, workers: .serial)
    let predictions = network.network.logits(of: Self.testSet, workers: .serial) { _ in }.rowMaxima
    let correct = zip(predictions, Self.testSet.labels).count { $0 == $1 }
    #expect(accuracy == Double(correct) / 50)
  }

  @Test("under `dense-power-gradient` training goes another way")
  func densePowerGradient() throws {
    var configuration = Self.configuration
    configuration.profile.densePowerGradient = true
    let published = try Self.run(try Self.trainer(configuration), from: Self.start()).state
    let corrected = try Self.run(try Self.trainer(), from: Self.start()).state
    #expect(published.network.parametersDigest != corrected.network.parametersDigest)
  }

  @Test("crops and flips follow the run's seed unless they are given another")
  func augmentationSeed() throws {
    func digest(_ seed: UInt64?) throws -> String {
      var state = Self.start()
      let trainer = try Trainer(
        Self.configuration, training: Self.dataset, test: nil, augmentationSeed: seed,
        workers: .serial)
      _ = try trainer.run(&state, shouldStop: { false }, report: { _ in })
      return state.network.parametersDigest
    }
    #expect(try digest(nil) == digest(3))
    #expect(try digest(nil) != digest(99))
  }

  @Test("too few images to hold any out are refused")
  func tooFew() {
    #expect(throws: ReferenceError.self) {
      try Trainer(
        Self.configuration, training: Self.dataset.prefix(4), test: nil, workers: .serial)
    }
  }
}
