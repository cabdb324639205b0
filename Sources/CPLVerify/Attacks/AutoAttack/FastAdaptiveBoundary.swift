// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// FAB-T: FAB towards each of the nine classes with the largest logits at the image, 100 iterations
/// each, without random starts; see `FABSearch`.
///
/// As an attack inside a ball it ends for an image as soon as it has come into the image's ball.
package struct FastAdaptiveBoundary: MinimumNormAttack, FixedBudgetAttack {
  package let name = "fab-t"
  package var summary: String {
    "FAB of AutoAttack, towards each of the nine nearest classes by logit, \(steps) iterations each"
  }
  private let steps = 100

  package init() {}

  package func run(
    _ input: AttackInput, on target: AttackTarget, seed: UInt64, workers: Workers
  ) -> [AttackResult] {
    run(input, goals: Array(repeating: 0, count: input.count), on: target, workers: workers)
  }

  package func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    precondition(budgets.count == input.count, "a budget for each image")
    var results = run(input, goals: budgets, on: target, workers: workers)
    for position in results.indices where results[position].distance > budgets[position] {
      results[position].image = nil
      results[position].distance = .infinity
    }
    return results
  }

  /// - Parameter goals: for each image the distance that is near enough.
  private func run(
    _ input: AttackInput, goals: [Double], on target: AttackTarget, workers: Workers
  ) -> [AttackResult] {
    var (results, logits, survivors) = input.begin(on: target, workers: workers)
    let classes = input.labels.indices.map {
      classesByLogit(logits.row($0), label: input.labels[$0])
    }
    for rank in 0..<min(9, target.network.classes - 1) where !survivors.isEmpty {
      var searches = survivors.map { position in
        FABSearch(
          input.images.row(position), label: input.labels[position],
          target: classes[position][rank], steps: steps, goal: goals[position])
      }
      target.drive(&searches, workers: workers)
      for (position, search) in zip(survivors, searches) {
        results[position].count(search)
        if let image = search.adversarial { results[position].keep(image, of: input, position) }
      }
      survivors.removeAll { results[$0].distance <= goals[$0] }
    }
    return results
  }
}
