// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLNetworks

/// Projected gradient descent in the ℓ2 ball (Madry et al. 2018), with normalised gradient steps; see
/// `DescentSearch`.
package struct ProjectedGradientDescent: FixedBudgetAttack {
  /// Which of the two versions of PGD an attack is.
  package enum Variant: String, CaseIterable, Sendable {
    /// As the paper's evaluation has it: 10 steps of ε/5 up the cross-entropy, projected to the box
    /// and then to the ball; the last iterate counts, and images that are misclassified already are
    /// attacked all the same.
    case published
    /// 50 steps of 2.5ε/50, projected to the ball and then to the box; the first adversarial
    /// iterate counts; two restarts, up the margin and up the cross-entropy of the logits in units of
    /// their spread.
    case strong

    /// How many steps there are.
    var steps: Int { self == .strong ? 50 : 10 }
    /// The length of a step, as a share of ε.
    var stepShare: Double { self == .strong ? 2.5 / 50 : 1.0 / 5 }
    /// What a step does beside.
    var rule: AscentRule {
      self == .strong
        ? AscentRule(leastGradient: 0, endsInBall: false)
        : AscentRule(leastGradient: 1e-6, endsInBall: true)
    }
    fileprivate var restarts: Int { self == .strong ? 2 : 1 }
  }

  package let variant: Variant

  package var name: String { variant == .strong ? "pgd" : "pgd-published" }
  package var summary: String {
    switch variant {
    case .published: "the paper's PGD: \(variant.steps) steps of ε/5 up the cross-entropy"
    case .strong:
      "projected gradient descent, \(variant.steps) steps of 2.5ε/\(variant.steps), "
        + "\(variant.restarts) random starts: up the margin and up the cross-entropy"
    }
  }

  /// PGD in one of its versions.
  package init(_ variant: Variant) { self.variant = variant }

  package func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    precondition(budgets.count == input.count, "a budget for each image")
    var results = [AttackResult](repeating: AttackResult(), count: input.count)
    var survivors = Array(0..<input.count)
    if variant == .strong {
      (results, _, survivors) = input.begin(on: target, workers: workers)
    }
    for restart in 0..<variant.restarts where !survivors.isEmpty {
      let positions = survivors
      var searches = workers.map(positions.count) { row in
        let position = positions[row]
        let original = input.images.row(position)
        return DescentSearch(
          Ball(center: original, radius: budgets[position]), variant,
          label: input.labels[position], loss: loss(restart, target.constants),
          start: noise(original.count, input.indices[position], seed: seed, restart: restart))
      }
      target.drive(&searches, workers: workers)
      for (position, search) in zip(positions, searches) {
        results[position].count(search)
        if let image = search.adversarial { results[position].keep(image, of: input, position) }
      }
      survivors.removeAll { results[$0].image != nil }
    }
    return results
  }

  private func loss(_ restart: Int, _ constants: PairConstants) -> AttackLoss {
    switch variant {
    case .published: .crossEntropy
    case .strong: restart == 0 ? .margin(constants) : .relativeCrossEntropy
    }
  }

  /// A point uniform in the box, for each image and restart its own.
  private func noise(_ count: Int, _ index: Int, seed: UInt64, restart: Int) -> [Float] {
    var random = CounterRandom(
      seed: seed, purpose: .projectedGradientDescent, major: UInt32(index),
      middle: UInt32(restart))
    return (0..<count).map { _ in Float(random.uniform()) }
  }
}
