import CPLNetworks

/// How a network is trained (section 6 of the paper). The defaults are the paper's.
public struct TrainingConfiguration: Codable, Equatable, Sendable {
  public var epochs = 200
  /// Images a step.
  public var batch = 256
  /// The schedule's highest learning rate.
  public var learningRate = 1e-3
  /// The margin of the loss.
  public var margin = 0.7
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
  public static let possibleEpochs = 1...100_000

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case epochs, batch
    case learningRate = "learning_rate"
    case margin, seed, validation
    case normalizeInput = "norm_input"
    case profile
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try container.update(&epochs, .epochs)
    try container.update(&batch, .batch)
    try container.update(&learningRate, .learningRate)
    try container.update(&margin, .margin)
    try container.update(&seed, .seed)
    try container.update(&validation, .validation)
    try container.update(&normalizeInput, .normalizeInput)
    try container.update(&profile, .profile)
  }

  /// What makes these numbers impossible; nil when nothing does.
  public var problem: (key: String, expected: String, found: String)? {
    for (key, value, range) in [
      (CodingKeys.epochs, epochs, Self.possibleEpochs), (.batch, batch, 1...65536),
      (.validation, validation, 1...1_000_000),
    ] where !range.contains(value) {
      return (key.rawValue, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
    // The margin is added to logits in binary32.
    for (key, value, isFinite) in [
      (CodingKeys.learningRate, learningRate, learningRate.isFinite),
      (.margin, margin, Float(margin).isFinite),
    ] where !(value > 0 && isFinite) {
      return (key.rawValue, "a positive number", "\(value)")
    }
    return nil
  }
}
