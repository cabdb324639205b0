// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

/// How a network is trained (section 6 of the paper). The defaults are the paper's.
public struct TrainingConfiguration: Codable, Equatable, Sendable {
  /// The losses, under their names in files.
  public enum Loss: String, Codable, CaseIterable, Sendable {
    /// Hinge of the margin to the next class.
    case margin
    /// Cross-entropy with an offset and a temperature.
    case crossEntropy = "cross_entropy"
  }

  /// The optimisers, under their names in files.
  public enum OptimizerName: String, Codable, CaseIterable, Sendable {
    /// `Adam`, or stochastic gradient descent with momentum.
    case adam, sgd
  }

  /// Passes over the training images.
  public var epochs = 200
  /// Images a step.
  public var batch = 256
  /// The schedule's highest learning rate.
  public var learningRate = 1e-3
  /// The course of the learning rate.
  public var schedule = LearningRateSchedule.Shape.triangular
  /// What is minimised.
  public var loss = Loss.margin
  /// The margin of the margin loss.
  public var margin = 0.7
  /// u and t of the cross-entropy, as "1-Lipschitz Layers Compared" (Prach et al., CVPR 2024) has them: u = 2√2 · 36/255.
  public var offset = 2 * 2.0.squareRoot() * 36 / 255
  /// t of the cross-entropy.
  public var temperature = 0.25
  /// What makes steps of gradients.
  public var optimizer = OptimizerName.adam
  /// μ and λ of stochastic gradient descent.
  public var momentum = 0.9
  /// λ of stochastic gradient descent.
  public var weightDecay = 0.0
  /// What everything random comes from.
  public var seed: UInt64 = 0
  /// How many training images are held out to choose the best epoch; not used under the quirk
  /// `best-on-test`.
  public var validation = 2000
  /// Whether images are divided by the data set's standard deviation (`norm_input`).
  public var normalizeInput = false
  /// Which quirks of the published pipeline are reproduced.
  public var profile = Profile.corrected

  /// How many epochs a run may have.
  package static let possibleEpochs = 1...100_000

  /// The paper's configuration.
  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case epochs, batch
    case learningRate = "learning_rate"
    case schedule, loss, margin, offset, temperature, optimizer, momentum
    case weightDecay = "weight_decay"
    case seed, validation
    case normalizeInput = "norm_input"
    case profile
  }

  /// The keys that are of use with one choice alone.
  private var keysOfChoices: [(key: CodingKeys, isChosen: Bool, choice: String)] {
    [
      (.margin, loss == .margin, "loss: margin"),
      (.offset, loss == .crossEntropy, "loss: cross_entropy"),
      (.temperature, loss == .crossEntropy, "loss: cross_entropy"),
      (.momentum, optimizer == .sgd, "optimizer: sgd"),
      (.weightDecay, optimizer == .sgd, "optimizer: sgd"),
    ]
  }

  /// - Throws: `DecodingError` also for a key that is of no use beside what is chosen.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try container.update(&epochs, .epochs)
    try container.update(&batch, .batch)
    try container.update(&learningRate, .learningRate)
    try container.update(&schedule, .schedule)
    try container.update(&loss, .loss)
    try container.update(&margin, .margin)
    try container.update(&offset, .offset)
    try container.update(&temperature, .temperature)
    try container.update(&optimizer, .optimizer)
    try container.update(&momentum, .momentum)
    try container.update(&weightDecay, .weightDecay)
    try container.update(&seed, .seed)
    try container.update(&validation, .validation)
    try container.update(&normalizeInput, .normalizeInput)
    try container.update(&profile, .profile)
    for (key, isChosen, choice) in keysOfChoices where !isChosen && container.contains(key) {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: container.codingPath + [key],
          debugDescription: "no such key: it goes with '\(choice)'"))
    }
  }

  /// Writes what is chosen, and of what the paper does not choose from only what is not the paper's.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(epochs, forKey: .epochs)
    try container.encode(batch, forKey: .batch)
    try container.encode(learningRate, forKey: .learningRate)
    if schedule != .triangular { try container.encode(schedule, forKey: .schedule) }
    switch loss {
    case .margin: try container.encode(margin, forKey: .margin)
    case .crossEntropy:
      try container.encode(loss, forKey: .loss)
      try container.encode(offset, forKey: .offset)
      try container.encode(temperature, forKey: .temperature)
    }
    if optimizer == .sgd {
      try container.encode(optimizer, forKey: .optimizer)
      try container.encode(momentum, forKey: .momentum)
      try container.encode(weightDecay, forKey: .weightDecay)
    }
    try container.encode(seed, forKey: .seed)
    try container.encode(validation, forKey: .validation)
    try container.encode(normalizeInput, forKey: .normalizeInput)
    try container.encode(profile, forKey: .profile)
  }

  /// The numbers that are not whole, under their keys.
  var numbers: [(key: CodingKeys, value: Double)] {
    [
      (.learningRate, learningRate), (.margin, margin), (.offset, offset),
      (.temperature, temperature), (.momentum, momentum), (.weightDecay, weightDecay),
    ]
  }

  /// What makes these numbers impossible; nil when nothing does.
  package var problem: (key: String, expected: String, found: String)? {
    for (key, value, range) in [
      (CodingKeys.epochs, epochs, Self.possibleEpochs), (.batch, batch, 1...65536),
      (.validation, validation, 1...1_000_000),
    ] where !range.contains(value) {
      return (key.rawValue, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
    // The margin is added to logits in binary32, and so are shares of the learning rate to weights.
    for (key, value) in numbers {
      let (isPossible, expected) =
        switch key {
        case .momentum: ((0..<1).contains(value), "a number from 0 to below 1")
        case .offset, .weightDecay: (value >= 0 && Float(value).isFinite, "0 or a positive number")
        case .learningRate: (value > 0 && value.isFinite, "a positive number")
        default: (value > 0 && Float(value).isFinite, "a positive number")
        }
      guard isPossible else { return (key.rawValue, expected, "\(value)") }
    }
    return nil
  }
}

extension TrainingConfiguration {
  /// The loss that is chosen.
  var lossFunction: any TrainingLoss {
    switch loss {
    case .margin: MarginLoss(margin: margin)
    case .crossEntropy: CrossEntropyLoss(offset: offset, temperature: temperature)
    }
  }

  /// The optimiser that is chosen, before its first update of parameters of the given shapes.
  func optimizer(of shapes: [[Int]]) -> any Optimizer<Float> {
    switch optimizer {
    case .adam: Adam(shapes: shapes)
    case .sgd:
      StochasticGradientDescent(shapes: shapes, momentum: momentum, weightDecay: weightDecay)
    }
  }
}
