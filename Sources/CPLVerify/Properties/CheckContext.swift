import CPLReference

/// What checks work on, and with.
public struct CheckContext: Sendable {
  /// How long a check may look.
  public enum Effort: Int, Comparable, Sendable {
    /// As long as a matrix of faults and checks allows.
    case quick
    case normal
    /// As long as it takes.
    case thorough

    public static func < (first: Effort, second: Effort) -> Bool {
      first.rawValue < second.rawValue
    }

    /// A number of cases for each effort.
    public func choose(_ quick: Int, _ normal: Int, _ thorough: Int) -> Int {
      switch self {
      case .quick: quick
      case .normal: normal
      case .thorough: thorough
      }
    }
  }

  /// What everything random comes from.
  public var seed: UInt64
  public var effort: Effort
  public var workers: Workers

  public init(seed: UInt64, effort: Effort, workers: Workers) {
    self.seed = seed
    self.effort = effort
    self.workers = workers
  }

  /// The numbers of one check: streams of its own, whatever other checks there are.
  public func random(for check: String, _ stream: Int = 0, _ position: Int = 0) -> CounterRandom {
    // FNV-1a of the id.
    let name = check.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return CounterRandom(
      seed: seed, purpose: .properties, major: name, middle: UInt32(stream),
      minor: UInt32(position))
  }
}
