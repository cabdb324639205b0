// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// The Square attack, 5000 queries; see `SquareSearch`. It uses no gradients. Windows are drawn for each
/// image by itself.
package struct SquareAttack: FixedBudgetAttack {
  package let name = "square"
  package var summary: String {
    "random search by squares, \(SquareSearch<Float>.queries) queries, no gradients"
  }

  package init() {}

  package func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    precondition(budgets.count == input.count, "a budget for each image")
    var (results, _, survivors) = input.begin(on: target, workers: workers)
    let shape = target.network.image
    var searches = survivors.map { position in
      let index = input.indices[position]
      var random = Self.random(seed, index, step: 0)
      let tiles = SquareShape.Grid(shape).count
      return SquareSearch(
        Ball(center: input.images.row(position), radius: budgets[position]),
        label: input.labels[position], shape: shape,
        start: (0..<tiles).map { _ in
          SquareProposal.Bump(channels: shape.channels, &random)
        }
      ) { query, window in
        var random = Self.random(seed, index, step: query + 1)
        return SquareProposal(in: shape, window: window, &random)
      }
    }
    target.drive(&searches, workers: workers)
    for (position, search) in zip(survivors, searches) {
      results[position].count(search)
      if let image = search.adversarial { results[position].keep(image, of: input, position) }
    }
    return results
  }

  private static func random(_ seed: UInt64, _ index: Int, step: Int) -> CounterRandom {
    CounterRandom(
      seed: seed, purpose: .squareAttack, major: UInt32(index), minor: UInt32(step))
  }
}
