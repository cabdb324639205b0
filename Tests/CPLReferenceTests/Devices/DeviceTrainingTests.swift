// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Training on a device", .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
struct DeviceTrainingTests {
  private static let images = SyntheticImages.make(count: 180, seed: 7, split: .train)
  private static let test = SyntheticImages.make(count: 50, seed: 7, split: .test)

  private static func device(memoryLimit: Int? = nil) throws -> Device {
    try Device(#require(AnyDevice.description), memoryLimit: memoryLimit)
  }

  /// Two epochs of batches that end in a piece of fewer images than others.
  private static func configuration(_ profile: Profile = .corrected) -> TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.epochs = 2
    configuration.batch = 43
    configuration.learningRate = 0.01
    configuration.seed = 3
    configuration.validation = 40
    configuration.profile = profile
    configuration.profile.unseededAugmentation = false
    return configuration
  }

  private static func start(body: String = ModelRecipe.standard) -> TrainingState {
    var model = ModelRecipe(
      convolutionLayers: 2, channels: 7, convolutionInner: 6, linearLayers: 2, linearInner: 90)
    model.body = body
    return TrainingState(
      network: CPLNetwork(
        model.layers(mean: [0.5, 0.4, 0.3], standardDeviation: [1, 0.5, 0.25]), seed: 3))
  }

  private static func trainer(
    _ configuration: TrainingConfiguration = configuration(), on device: Device? = nil
  ) throws -> Trainer {
    try Trainer(
      configuration, training: images, test: test, workers: .serial,
      place: device.map { DevicePlace($0) })
  }

  /// Runs to the end, or to a number of steps.
  private static func run(
    _ trainer: Trainer, from start: TrainingState = start(), steps: Int = .max
  ) throws -> (state: TrainingState, losses: [Double]) {
    var (state, losses): (TrainingState, [Double]) = (start, [])
    _ = try trainer.run(&state, shouldStop: { losses.count >= steps }) { event in
      if case .step(_, _, _, _, let loss, _) = event { losses.append(loss) }
    }
    return (state, losses)
  }

  @Test(
    "ends with the CPU's bytes, whatever the profile", arguments: [Profile.corrected, .published])
  func digests(_ profile: Profile) throws {
    let configuration = Self.configuration(profile)
    let expected = try Self.run(try Self.trainer(configuration))
    let device = try Self.device()
    let found = try Self.run(try Self.trainer(configuration, on: device))
    #expect(found.losses == expected.losses)
    #expect(found.state.history == expected.state.history)
    #expect(try found.state.digest() == expected.state.digest())
    try device.check()
  }

  @Test("goes on from a state that the CPU has left, and leaves one that the CPU goes on from")
  func resumption() throws {
    let expected = try Self.run(try Self.trainer()).state
    let (onCPU, onDevice) = (try Self.trainer(), try Self.trainer(on: Self.device()))
    let first = try Self.run(onCPU, steps: 2).state
    let second = try Self.run(onDevice, from: first, steps: 3).state
    #expect(second.batch == 1 && second.epoch == 1)
    #expect(try Self.run(onCPU, from: second).state.digest() == expected.digest())
  }

  @Test("is left to the CPU where the device has too little memory, which is told")
  func memory() throws {
    let expected = try Self.run(try Self.trainer(), steps: 3).state
    for limit in [1 << 10, 3 << 20] {
      let device = try Self.device(memoryLimit: limit)
      let found = try Self.run(try Self.trainer(on: device), steps: 3).state
      #expect(try found.digest() == expected.digest())
      #expect(throws: DeviceError.outOfMemory(device: device.description.selector)) {
        try device.check()
      }
    }
  }

  @Test("ends where the loss is not finite as it does on the CPU, with the state before")
  func divergence() throws {
    var configuration = Self.configuration()
    configuration.learningRate = 1e30
    func outcome(_ device: Device?) throws -> (error: ReferenceError?, digest: String) {
      var state = Self.start()
      let trainer = try Self.trainer(configuration, on: device)
      let error = #expect(throws: ReferenceError.self) {
        _ = try trainer.run(&state, shouldStop: { false }) { _ in }
      }
      return (error, try state.digest())
    }
    let (found, expected) = (try outcome(Self.device()), try outcome(nil))
    #expect(found.error == expected.error && found.digest == expected.digest)
  }

  @Test("by stochastic gradient descent ends with the CPU's bytes, in two parts too")
  func descent() throws {
    var start = Self.start()
    start.optimizer = StochasticGradientDescent(
      shapes: start.optimizer.moments[0].map(\.shape), momentum: 0.9, weightDecay: 5e-4)
    let expected = try Self.run(try Self.trainer(), from: start).state
    let trainer = try Self.trainer(on: Self.device())
    let first = try Self.run(trainer, from: start, steps: 3).state
    let second = try Self.run(trainer, from: first).state
    #expect(try second.digest() == expected.digest())
    #expect(second.optimizer.moments == expected.optimizer.moments)
    #expect(second.optimizer.step == expected.optimizer.step)
  }

  @Test("is refused for layers that devices do not train")
  func refusals() throws {
    let device = try Self.device()
    let error = #expect(throws: DeviceError.self) {
      try Self.run(try Self.trainer(on: device), from: Self.start(body: "sll"), steps: 1)
    }
    #expect(error?.description.contains("cannot compute the layer") == true)
  }

  @Test("three steps of cpl-small, with its batches of 256 images, end with the CPU's bytes")
  func small() throws {
    // experiments/cpl-small.yml
    let model = ModelRecipe(
      convolutionLayers: 6, channels: 30, linearLayers: 3, linearInner: 512)
    let start = TrainingState(
      network: CPLNetwork(
        model.layers(mean: [0.5, 0.4, 0.3], standardDeviation: [1, 1, 1]), seed: 3))
    var configuration = TrainingConfiguration()
    configuration.validation = 10
    let images = SyntheticImages.make(count: 4 * 256 + 10, seed: 7, split: .train)
    func digest(on device: Device?) throws -> String {
      let trainer = try Trainer(
        configuration, training: images, test: nil, workers: Workers(threads: 2),
        place: device.map { DevicePlace($0) })
      let (state, losses) = try Self.run(trainer, from: start, steps: 3)
      #expect(losses.count == 3)
      return try state.digest()
    }
    #expect(try digest(on: Self.device()) == digest(on: nil))
  }
}
