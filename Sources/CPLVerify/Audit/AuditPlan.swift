import CPLReference

/// What an audit puts each certified image through, by the image's radius r.
///
/// First the search for the nearest adversarial image, which tells how much doubt is left: d/r. Then
/// the attacks inside the radius and at it, and what was asked for beyond these.
struct AuditPlan: Sendable {
  /// One attack on every image of a batch.
  enum Step: Sendable {
    /// Inside the ball of a share of the radius.
    case inside(any FixedBudgetAttack, share: Double)
    case nearest(any MinimumNormAttack)
    /// The rounding search on the certified network, where that is another than the attacks'.
    case binary64(RoundingSearch, CPLNetwork<Double>)

    var name: String {
      switch self {
      case .inside(let attack, _) where attack is RoundingSearch: attack.name
      case .inside(let attack, let share): "\(attack.name)@\(share)r"
      case .nearest(let attack): attack.name
      case .binary64(let attack, _): "\(attack.name)-binary64"
      }
    }
  }

  /// What every certified image is put through, whatever the budget.
  let search: [Step]
  /// What comes after it, in this order.
  let thorough: [Step]

  /// The standing attacks, and others by name.
  ///
  /// - Throws: `VerificationError.invalid` for a name that `extraNames` lacks.
  init(_ certified: CertifiedNetwork, also extras: [String]) throws {
    let descent = ProjectedGradientDescent(.strong)
    let rounding = RoundingSearch()
    search = [.nearest(MinimumNormSearch())]
    var thorough: [Step] = [
      .inside(descent, share: 0.99), .inside(descent, share: 1), .inside(rounding, share: 1),
    ]
    if let sound = certified.sound { thorough.append(.binary64(rounding, sound.network)) }
    for (position, name) in extras.enumerated() {
      guard let step = Self.extras.first(where: { $0.attack == name })?.step,
        !extras[..<position].contains(name)
      else {
        throw VerificationError.invalid(
          what: "attacks of the audit",
          expected: "\(Self.extraNames.joined(separator: ", ")), each at most once",
          found: "'\(name)'")
      }
      thorough.append(step)
    }
    self.thorough = thorough
  }

  /// The attacks that are not part of every audit.
  private static var extras: [(attack: String, step: Step)] {
    let standing = [
      ProjectedGradientDescent(.strong).name, RoundingSearch().name, MinimumNormSearch().name,
    ]
    let inside = AttackSuite.fixedBudget.map { ($0.name, Step.inside($0, share: 1)) }
    let nearest = AttackSuite.minimumNorm.map { ($0.name, Step.nearest($0)) }
    return (inside + nearest).filter { !standing.contains($0.0) }
  }

  /// The names of the attacks that can be asked for.
  static var extraNames: [String] { extras.map(\.attack) }

  /// The names of all attacks, in order.
  var names: [String] { (search + thorough).map(\.name) }
}
