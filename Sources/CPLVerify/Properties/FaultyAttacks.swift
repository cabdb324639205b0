// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLReference

/// An attack that goes a ten-thousandth beyond its ball.
struct LeavingBall: FixedBudgetAttack {
  let base: any FixedBudgetAttack
  var name: String { base.name }
  var summary: String { base.summary }

  func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    let results = base.run(input, budgets: budgets, on: target, seed: seed, workers: workers)
    return results.enumerated().map { position, result in
      guard let image = result.image else { return result }
      let origin = input.images.row(position)
      let distance = Distance(image, origin).upperBound
      guard distance > 0 else { return result }
      let scale = (1 + 1e-4) * budgets[position] / distance
      var moved = result
      let farther = zip(origin, image).map { start, end in
        let (start, end) = (Double(start), Double(end))
        return Float(start + scale * (end - start))
      }
      moved.image = farther
      moved.distance = Distance(farther, origin).upperBound
      return moved
    }
  }
}

/// An attack that states the radius that it was given for the distance that it went.
struct StatingBudget: FixedBudgetAttack {
  let base: any FixedBudgetAttack
  var name: String { base.name }
  var summary: String { base.summary }

  func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    zip(base.run(input, budgets: budgets, on: target, seed: seed, workers: workers), budgets).map {
      var result = $0
      if result.image != nil { result.distance = $1 }
      return result
    }
  }
}

/// An attack whose noise is keyed by an image's place in its batch.
struct BatchNoise: FixedBudgetAttack {
  let base: any FixedBudgetAttack
  var name: String { base.name }
  var summary: String { base.summary }

  func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    var input = input
    input.indices = Array(input.indices.indices)
    return base.run(input, budgets: budgets, on: target, seed: seed, workers: workers)
  }
}
