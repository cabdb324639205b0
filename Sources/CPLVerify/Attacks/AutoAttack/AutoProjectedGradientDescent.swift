// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// APGD: projected gradient descent that finds its step size itself (Croce and Hein 2020); see
/// `AutoPGDSearch`.
package struct AutoProjectedGradientDescent: FixedBudgetAttack {
  /// What is made larger.
  package enum Variant: String, CaseIterable, Sendable {
    /// The cross-entropy.
    case crossEntropy = "apgd-ce"
    /// The difference of logits ratio.
    case differenceOfLogitsRatio = "apgd-dlr"
    /// Its targeted form, towards each of the nine classes with the largest logits at the image, one
    /// run each.
    case targeted = "apgd-t"
  }

  package let variant: Variant
  package var name: String { variant.rawValue }
  package var summary: String {
    let what =
      switch variant {
      case .crossEntropy: "the cross-entropy"
      case .differenceOfLogitsRatio: "the difference of logits ratio"
      case .targeted: "the targeted ratio, towards each of the nine nearest classes by logit"
      }
    return "APGD of AutoAttack, \(AutoPGDSearch<Float>.steps) steps up \(what)"
  }

  package init(_ variant: Variant) { self.variant = variant }

  package func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    precondition(budgets.count == input.count, "a budget for each image")
    var (results, logits, survivors) = input.begin(on: target, workers: workers)
    let classes = input.labels.indices.map {
      classesByLogit(logits.row($0), label: input.labels[$0])
    }
    let runs = variant == .targeted ? min(9, target.network.classes - 1) : 1
    for run in 0..<runs where !survivors.isEmpty {
      let positions = survivors
      var searches = workers.map(positions.count) { row in
        let position = positions[row]
        return AutoPGDSearch(
          Ball(center: input.images.row(position), radius: budgets[position]),
          label: input.labels[position], loss: loss(run, classes[position]),
          noise: noise(input.indices[position], run: run, input, seed: seed))
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

  private func loss(_ run: Int, _ classes: [Int]) -> AutoPGDLoss {
    switch variant {
    case .crossEntropy: .crossEntropy
    case .differenceOfLogitsRatio: .differenceOfLogitsRatio
    case .targeted: .targetedDifferenceOfLogitsRatio(target: classes[run])
    }
  }

  /// The start's direction, for each image, variant and run its own.
  private func noise(_ index: Int, run: Int, _ input: AttackInput, seed: UInt64) -> [Double] {
    let stream: Int =
      switch variant {
      case .crossEntropy: 0
      case .differenceOfLogitsRatio: 1
      case .targeted: 2 + run
      }
    var random = CounterRandom(
      seed: seed, purpose: .autoProjectedGradientDescent, major: UInt32(index),
      middle: UInt32(stream))
    return random.normals(input.images.count / input.count)
  }
}
