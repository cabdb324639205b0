// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLFindings
import CPLReference

/// Checks that the same comes out of the same, and that looking changes nothing.
enum ReproducibilityChecks {
  static let all: [any PropertyCheck] = [
    SameBytes(), PureEvaluation(), TrainingSchedule(), StorageRoundTrip(),
  ]
}

/// Short trainings of a small network.
struct ShortTraining {
  let configuration: TrainingConfiguration
  let images: ImageDataset
  let network: CPLNetwork<Float>

  init(_ context: CheckContext, seed: UInt64, epochs: Int, batch: Int) {
    var configuration = TrainingConfiguration()
    configuration.epochs = epochs
    configuration.batch = batch
    configuration.seed = seed
    configuration.validation = 8
    configuration.profile = context.training
    configuration.profile.unseededAugmentation = false
    configuration.profile.bestOnTest = false
    self.configuration = configuration
    images = SyntheticImages.make(count: 40, seed: 0, split: .train)
    network = context.network(
      ModelRecipe(
        convolutionLayers: 1, channels: 3, convolutionInner: 2, linearLayers: 1, linearInner: 8
      ).layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: seed)
  }

  /// Trains to the end, or until so many steps are done.
  func run(
    from start: TrainingState? = nil, stoppingAfter steps: Int? = nil, workers: Workers
  ) throws -> (state: TrainingState, rates: [Double]) {
    let trainer = try Trainer(configuration, training: images, test: nil, workers: workers)
    var state = start ?? TrainingState(network: network)
    var rates: [Double] = []
    _ = try trainer.run(&state, shouldStop: { steps.map { rates.count >= $0 } ?? false }) {
      if case .step(_, _, _, _, _, let rate) = $0 { rates.append(rate) }
    }
    return (state, rates)
  }
}

extension CPLNetwork<Float> {
  /// Every byte of the network's state: parameters, u and h.
  fileprivate var stateBits: [UInt32] {
    layers.flatMap { layer -> [UInt32] in
      var values = layer.parameters.flatMap(\.value.elements)
      if let layer = layer as? any SteppedLayer<Float> {
        values += layer.powerVector.elements + [layer.stepSize]
      }
      return values.map(\.bitPattern)
    }
  }
}

struct SameBytes: PropertyCheck {
  let id = "determinism.bits"
  let statement =
    "the same seed gives the same bytes; so does any number of threads, and so does a resumed run"
  let source = "CPLKernels.h"

  func run(_ context: CheckContext) throws -> Findings {
    let training = ShortTraining(context, seed: context.seed, epochs: 2, batch: 8)
    let first = try training.run(workers: .serial).state.network.stateBits
    var differences = [
      try training.run(workers: .serial).state.network.stateBits != first,
      try training.run(workers: Workers(threads: 3)).state.network.stateBits != first,
    ]
    // Between its steps a run is a file.
    let half = try training.run(stoppingAfter: 3, workers: .serial).state
    if context.fault == nil, let path = try? context.scratchFile("determinism.h5") {
      let description = CheckpointDescription(
        profile: context.training, createdBy: "cpl-verify", gitCommit: "unknown")
      try half.write(to: path, description: description)
      if let stored = try Checkpoint(path: path).training {
        differences.append(
          try training.run(from: stored, workers: .serial).state.network.stateBits != first)
      }
    } else {
      differences.append(
        try training.run(from: half, workers: .serial).state.network.stateBits != first)
    }
    if let verified = context.verified {
      let images = try context.images(6)
      let points = images.images(at: 0..<images.count)
      let logits = verified.network.logits(points, workers: .serial).elements.map(\.bitPattern)
      let threads = verified.network.logits(points, workers: Workers(threads: 3)).elements
        .map(\.bitPattern)
      differences.append(threads != logits)
      let classes = verified.network.classes
      for image in 0..<images.count {
        let alone = verified.network.logits(points.slice(image..<image + 1), workers: .serial)
        differences.append(
          alone.elements.map(\.bitPattern)[...]
            != logits[image * classes..<(image + 1) * classes])
      }
    }
    let other = try ShortTraining(context, seed: context.seed &+ 1, epochs: 2, batch: 8)
      .run(workers: .serial).state.network.stateBits
    let quantity = "results that differ in a bit"
    return Findings(
      [Measurement(failuresOf: quantity, differences)],
      control: PositiveControl(
        "another seed", Measurement(failuresOf: quantity, [other != first])))
  }
}

struct PureEvaluation: PropertyCheck {
  let id = "evaluation.pure"
  let statement = "evaluating or attacking leaves every byte of the model's state as it was"
  let source = "the quirk evaluation-mutates, mended"

  func run(_ context: CheckContext) throws -> Findings {
    var changes: [Bool] = []
    if let verified = context.verified {
      let images = try context.images(2)
      let points = images.images(at: 0..<images.count)
      let before = verified.network.stateBits
      _ = verified.network.logits(points, workers: context.workers)
      _ = ProjectedGradientDescent(.published).run(
        AttackInput(images: points, labels: images.labels, indices: images.indices),
        budgets: images.labels.map { _ in 0.5 }, on: try AttackTarget(verified.network),
        seed: context.seed, workers: context.workers)
      changes.append(verified.network.stateBits != before)
    }
    // The evaluation that ends an epoch of one step: u is what that step's one iteration made of it.
    changes.append(try Self.isMovedByEvaluation(context))
    var published = context
    published.training = .published
    let quantity = "evaluations that changed a bit"
    return Findings(
      [Measurement(failuresOf: quantity, changes)],
      control: PositiveControl(
        "the published pipeline, whose evaluation overwrites u",
        Measurement(failuresOf: quantity, [try Self.isMovedByEvaluation(published)])))
  }

  private static func isMovedByEvaluation(_ context: CheckContext) throws -> Bool {
    let training = ShortTraining(context, seed: context.seed, epochs: 1, batch: 64)
    let after = try training.run(workers: context.workers).state.network
    var expected = training.network
    expected.updateSteps(iterations: 1, workers: context.workers)
    return after.steppedLayers.contains {
      after[stepped: $0].powerVector.elements.map(\.bitPattern)
        != expected[stepped: $0].powerVector.elements.map(\.bitPattern)
    }
  }
}

struct TrainingSchedule: PropertyCheck {
  let id = "training.schedule"
  let statement = "the learning rates of a short run are those of the stated profile"
  let source = "Meunier et al. 2022, section 6; the quirk lr-offset, mended"

  func run(_ context: CheckContext) throws -> Findings {
    var published = context
    published.training = .published
    let quantity = "learning rate's distance to the piecewise linear one, over the peak"
    func measured(_ context: CheckContext) throws -> Measurement {
      let training = ShortTraining(context, seed: context.seed, epochs: 5, batch: 8)
      let (_, rates) = try training.run(workers: context.workers)
      let peak = training.configuration.learningRate
      let total = rates.count
      // Through (0, 0), (⌊2T/5⌋, peak), (⌊4T/5⌋, peak/20), (T, 0).
      let (rise, fall) = (Double(2 * total / 5), Double(4 * total / 5))
      let errors = rates.enumerated().map { step, rate in
        let t = Double(step + 1)
        let expected =
          t <= rise
          ? peak * t / rise
          : t <= fall
            ? peak + (peak / 20 - peak) * (t - rise) / (fall - rise)
            : peak / 20 * (Double(total) - t) / (Double(total) - fall)
        return (rate - expected).magnitude / peak
      }
      return Measurement(
        quantity, worstOf: errors, .atMost, 0, tolerance: 8 * Rounding.unitRoundoff,
        from: "a few operations in binary64")
    }
    return Findings(
      [try measured(context)],
      control: PositiveControl(
        "the published pipeline, which starts one epoch ahead", try measured(published)))
  }
}

struct StorageRoundTrip: PropertyCheck {
  let id = "storage.roundtrip"
  let statement =
    "weights written and read again are the same to the bit; a flipped bit or a cut file is reported"
  let source = "the format cpl-weights"

  func run(_ context: CheckContext) throws -> Findings {
    let network = try context.network().network
    let path = try context.scratchFile("roundtrip.h5")
    let damaged = try context.scratchFile("damaged.h5")
    try context.writeWeights(network, path)
    func isRead(_ path: String) -> Bool {
      guard let stored = try? Checkpoint(path: path) else { return false }
      return stored.network.stateBits == network.stateBits
        && stored.digest == (try? network.digest())
    }
    let bytes = try InputFile.bytes(path)
    var random = context.random(for: id)
    var unnoticed: [Bool] = []
    for _ in 0..<context.effort.choose(4, 12, 200) {
      var flipped = bytes
      flipped[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
      try AtomicFile.write(flipped, to: damaged)
      // A bit that nothing reads may be another; what is read may not.
      unnoticed.append(Self.isMisread(damaged, network))
      try AtomicFile.write(Array(bytes.prefix(random.below(bytes.count))), to: damaged)
      unnoticed.append((try? Checkpoint(path: damaged)) != nil)
    }
    var other = network
    guard let position = other.layers.indices.last(where: { !other.layers[$0].parameters.isEmpty })
    else { throw NotApplicable("the network has no parameters") }
    other.layers[position].updateParameters { _, value in
      value.elements[0] = Float(bitPattern: value.elements[0].bitPattern ^ 1)
    }
    try context.writeWeights(other, damaged)
    let quantity = "files that do not read as the network that was written"
    return Findings(
      [
        Measurement(failuresOf: quantity, [!isRead(path)]),
        Measurement(failuresOf: "damaged files that are read as intact", unnoticed),
      ],
      control: PositiveControl(
        "one bit of one weight is changed",
        Measurement(failuresOf: quantity, [!isRead(damaged)])))
  }

  /// Whether a file is read without an error and as another network.
  private static func isMisread(_ path: String, _ network: CPLNetwork<Float>) -> Bool {
    guard let stored = try? Checkpoint(path: path).network else { return false }
    return stored.stateBits != network.stateBits
  }
}
