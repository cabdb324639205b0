// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// What may stand in the place of the paper's loss, optimiser and schedule; `fixtures/training/make_training.py`
/// recorded PyTorch's.
@Suite("Cross-entropy, stochastic gradient descent, one cycle")
struct AlternativesTests {
  private func recorded(_ name: String) throws -> Tensor<Double> {
    try HDF5File.open(fixturePath("training/training.h5")).readTensor(
      of: Double.self, from: "/\(name)")
  }

  private func input(_ name: String) throws -> Tensor<Float> {
    try HDF5File.open(fixturePath("training/training.h5")).readTensor(
      of: Float.self, from: "/\(name)")
  }

  @Test(
    "the loss and its gradient are PyTorch's", arguments: [("a", 0.4, 0.25), ("b", 0.0, 2.0)])
  func loss(name: String, offset: Double, temperature: Double) throws {
    let logits = try input("loss/logits")
    let labels = try HDF5File.open(fixturePath("training/training.h5")).read(
      Int32.self, from: "/loss/labels"
    ).elements.map { Int($0) }
    let loss = CrossEntropyLoss(offset: offset, temperature: temperature)
    let (value, gradient) = loss(logits.converted(to: Double.self), labels: labels)
    let expected = try HDF5File.open(fixturePath("training/training.h5")).read(
      Double.self, from: "/loss/\(name)"
    ).elements[0]
    #expect(abs(value - expected) <= 1e-12 * expected)
    #expect(relativeError(gradient, try recorded("loss/\(name)_gradient")) <= 1e-12)
    let narrow = loss(logits, labels: labels)
    #expect(abs(Double(narrow.loss) - expected) <= 1e-5 * expected)
    #expect(relativeError(narrow.gradient.converted(to: Double.self), gradient) <= 1e-6)
    // Less than √2 long an image, whatever the temperature.
    for image in 0..<labels.count {
      let row = gradient.slice(image..<image + 1)
      #expect(row.norm * Double(labels.count) <= 2.0.squareRoot())
    }
  }

  @Test("a logit that is not finite makes the loss one that is not", arguments: [0, 1, 2])
  func notFinite(position: Int) {
    for wrong in [Float.nan, .infinity] {
      var logits = Tensor<Float>(shape: [1, 3], elements: [5, 0, 0])
      logits.elements[position] = wrong
      let loss = CrossEntropyLoss(offset: 0.4, temperature: 0.25)(logits, labels: [0]).loss
      #expect(!loss.isFinite)
    }
  }

  @Test("parameters and their momentum are PyTorch's after each of five steps")
  func descent() throws {
    var parameters = try input("sgd/parameters").converted(to: Double.self)
    let gradients = try input("sgd/gradients").converted(to: Double.self)
    let rates = try recorded("sgd/rates").elements
    let (after, moments) = (try recorded("sgd/after"), try recorded("sgd/moments"))
    var descent = StochasticGradientDescent<Double>(
      shapes: [[50]], momentum: 0.9, weightDecay: 1e-2)
    for (step, rate) in rates.enumerated() {
      descent.beginStep()
      descent.update(
        &parameters, at: 0, gradient: gradients.slice(step..<step + 1).reshaped([50]),
        learningRate: rate, workers: Workers(threads: 1 + step % 3))
      let row = step..<step + 1
      #expect(relativeError(parameters, after.slice(row).reshaped([50])) <= 1e-14)
      #expect(relativeError(descent.moments[0][0], moments.slice(row).reshaped([50])) <= 1e-14)
    }
    #expect(descent.step == 5)
  }

  @Test("learning rates are those of OneCycleLR", arguments: [10, 97])
  func oneCycle(steps: Int) throws {
    let schedule = LearningRateSchedule(
      .oneCycle, epochs: 1, batches: steps, learningRate: 0.02, offset: false)
    let ours = (0..<steps).map { schedule.rate(step: $0) }
    #expect(relativeError(ours, try recorded("schedule/\(steps)").elements) <= 1e-13)
  }

  @Test("a run of one to three steps has learning rates, too", arguments: 1...3)
  func shortCycle(steps: Int) {
    let schedule = LearningRateSchedule(
      .oneCycle, epochs: steps, batches: 1, learningRate: 0.02, offset: true)
    for step in 0..<steps {
      #expect(schedule.rate(step: step) > 0 && schedule.rate(step: step) <= 0.02)
    }
  }

  private static var configuration: TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.epochs = 2
    configuration.batch = 32
    configuration.learningRate = 0.05
    configuration.validation = 40
    configuration.loss = .crossEntropy
    configuration.optimizer = .sgd
    configuration.weightDecay = 1e-4
    configuration.schedule = .oneCycle
    return configuration
  }

  private static func start() -> TrainingState {
    let model = ModelRecipe(
      convolutionLayers: 1, channels: 5, convolutionInner: 4, linearLayers: 1, linearInner: 30)
    return TrainingState(
      network: CPLNetwork(
        model.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 3),
      for: configuration)
  }

  private static func train(
    _ start: TrainingState, _ ranks: any Ranks = Alone(), until stop: Int? = nil
  ) throws -> TrainingState {
    let trainer = try Trainer(
      configuration, training: SyntheticImages.make(count: 200, seed: 7, split: .train),
      test: nil, workers: .serial, ranks: ranks)
    var (state, steps) = (start, 0)
    _ = try trainer.run(&state, shouldStop: { steps == stop }) {
      if case .step = $0 { steps += 1 }
    }
    return state
  }

  @Test("training with them goes on from a file, and on ranks, to the same state; the loss falls")
  func training() throws {
    let whole = try Self.train(Self.start())
    let digest = try whole.digest()
    #expect(whole.history[1].loss < 0.9 * whole.history[0].loss)
    let stopped = try Self.train(Self.start(), until: 3)
    try withTemporaryFolder { folder in
      try stopped.write(
        to: folder + "/last.h5",
        description: CheckpointDescription(
          profile: .corrected, createdBy: "tests", gitCommit: "unknown"))
      let read = try #require(try Checkpoint(path: folder + "/last.h5").training)
      #expect(try read.digest() == stopped.digest())
      let descent = try #require(read.optimizer as? StochasticGradientDescent<Float>)
      #expect(descent.momentum == 0.9 && descent.weightDecay == 1e-4 && descent.step == 3)
      #expect(try Self.train(read).digest() == digest)
    }
    for state in ThreadRanks.run(3, { ranks in Result { try Self.train(Self.start(), ranks) } }) {
      #expect(try state.get().digest() == digest)
    }
  }
}
