/// What local certificates are asked to prove, and how much they may take.
public struct LocalPlan: Sendable {
  /// What is to be found of an image.
  public enum Goal: Sendable {
    /// Which of these radii are proved, such as those of a table of certified accuracies.
    case targets([Epsilon])
    /// The largest radius that is proved, to 1 %.
    case radius
  }

  public var goal: Goal
  /// How many steps a search takes for one image, class and radius, at most.
  public var steps: Int
  /// Asked on the way whether there is time left; what is not proved by then keeps its `sound` radius.
  public var mayGoOn: @Sendable () -> Bool

  public init(
    goal: Goal = .targets(Epsilon.published), steps: Int = 200,
    mayGoOn: @escaping @Sendable () -> Bool = { true }
  ) {
    self.goal = goal
    self.steps = steps
    self.mayGoOn = mayGoOn
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
}
