// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLBounds
import CPLCertificates
import CPLNetworks

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
    /// The rounding search at the radius on the binary64 network, whichever one the others attack.
    case binary64Rounding(RoundingSearch)

    var name: String {
      switch self {
      case .inside(let attack, _) where attack is RoundingSearch: attack.name
      case .inside(let attack, let share): "\(attack.name)@\(share)r"
      case .nearest(let attack): attack.name
      case .binary64Rounding(let attack): Self.binary64Name(attack.name)
      }
    }

    /// What a step is called when it is put to the binary64 network.
    var binary64Name: String {
      if case .binary64Rounding = self { name } else { Self.binary64Name(name) }
    }

    private static func binary64Name(_ name: String) -> String { "\(name)-binary64" }
  }

  /// What every certified image is put through, whatever the budget.
  let search: [Step]
  /// What comes after it, in this order.
  let thorough: [Step]

  /// The standing attacks, and others by name.
  ///
  /// - Throws: `VerificationError.invalid` for a name that `extraNames` lacks.
  init(for kind: CertificateKind, also extras: [String]) throws {
    let descent = ProjectedGradientDescent(.strong)
    let rounding = RoundingSearch()
    search = [.nearest(MinimumNormSearch())]
    var thorough: [Step] = [
      .inside(descent, share: 0.99), .inside(descent, share: 1), .inside(rounding, share: 1),
    ]
    if kind.certificate.arithmetic == .binary64 { thorough.append(.binary64Rounding(rounding)) }
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

  /// The same for images that the binary32 network does not resolve: every step there is put to the
  /// binary64 network, the rounding search once.
  static func onBinary64(_ steps: [Step]) -> [Step] {
    steps.filter { if case .binary64Rounding = $0 { false } else { true } }
  }

  /// The names of all attacks, in order.
  var names: [String] { (search + thorough).map(\.name) }
}
