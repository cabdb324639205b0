// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// AutoAttack, standard version (Croce and Hein 2020): APGD on the cross-entropy, targeted APGD,
/// FAB-T and Square, each on the images that the ones before have not broken.
package struct AutoAttack: FixedBudgetAttack {
  package let name = "autoattack"
  package var summary: String {
    "AutoAttack, standard version: \(parts.map(\.name).joined(separator: ", ")), each on what is left"
  }
  private let parts: [any FixedBudgetAttack] = [
    AutoProjectedGradientDescent(.crossEntropy), AutoProjectedGradientDescent(.targeted),
    FastAdaptiveBoundary(), SquareAttack(),
  ]

  package init() {}

  package func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    precondition(budgets.count == input.count, "a budget for each image")
    var results = [AttackResult](repeating: AttackResult(), count: input.count)
    var survivors = Array(0..<input.count)
    for part in parts where !survivors.isEmpty {
      let found = part.run(
        input.selecting(survivors), budgets: survivors.map { budgets[$0] }, on: target, seed: seed,
        workers: workers)
      for (position, result) in zip(survivors, found) {
        results[position].forwardPasses += result.forwardPasses
        results[position].backwardPasses += result.backwardPasses
        if let image = result.image { results[position].keep(image, distance: result.distance) }
      }
      survivors.removeAll { results[$0].image != nil }
    }
    return results
  }
}
