// SPDX-License-Identifier: Apache-2.0

/// What local certificates are asked to prove, and how much they may take.
public struct LocalPlan: Sendable {
  /// What is to be found of an image.
  public enum Goal: Sendable {
    /// Which of these radii are proved, such as those of a table of certified accuracies.
    case targets([Epsilon])
    /// The largest radius that is proved, to 1 %.
    case radius
  }

  /// What is to be found.
  public var goal: Goal
  /// How many steps a search takes for one image, class and radius, at most.
  public var steps: Int
  /// Asked on the way whether there is time left; what is not proved by then keeps its `sound` radius.
  public var mayGoOn: @Sendable () -> Bool

  /// A plan; by default the published radii, without a limit of time.
  public init(
    goal: Goal = .targets(Epsilon.published), steps: Int = 200,
    mayGoOn: @escaping @Sendable () -> Bool = { true }
  ) {
    self.goal = goal
    self.steps = steps
    self.mayGoOn = mayGoOn
  }
}

extension LocalPlan {
  /// No image is tried at more than this many times its sound radius: few are proved there.
  static let greatestGain = 1.7
  /// Shorter radii are left as they are.
  static let leastRadius = 0x1p-100

  /// What there is to gain for an image of a sound radius, by which images are ordered; 0 where nothing is tried.
  ///
  /// A target counts the more the nearer it is: it is proved the more often, and in the fewer steps.
  func gain(from radius: Double) -> Double {
    guard radius > Self.leastRadius else { return 0 }
    return switch goal {
    case .targets(let targets):
      targets.reduce(0) { sum, target in
        let target = target.value.nextUp
        let gain = Self.greatestGain - target / radius
        return sum + (radius < target && gain > 0 ? gain : 0)
      }
    case .radius: radius
    }
  }
}

extension LocalPlan: CustomStringConvertible {
  /// What is to be found, without regard to time.
  public var description: String {
    switch goal {
    case .targets(let targets):
      "targets \(targets.map(\.description).joined(separator: ", ")), \(steps) steps"
    case .radius: "largest radius, \(steps) steps"
    }
  }

  /// Reads a description back; nil for anything else.
  package init?(_ description: String) {
    let parts = description.split(separator: ", ")
    guard let last = parts.last, last.hasSuffix(" steps"), let steps = Int(last.dropLast(6)),
      let first = parts.first
    else { return nil }
    if first == "largest radius", parts.count == 2 {
      self.init(goal: .radius, steps: steps)
    } else {
      let texts = [first.trimmingPrefix("targets ")] + parts.dropFirst().dropLast()
      let targets = texts.compactMap { Epsilon(String($0)) }
      guard first.hasPrefix("targets "), targets.count == texts.count else { return nil }
      self.init(goal: .targets(targets), steps: steps)
    }
  }
}
