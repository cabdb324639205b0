// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLNetworks

/// The attacks that can be asked for by name. A new attack is one file and one line here.
public enum AttackSuite {
  /// Attacks inside a ball of given radius.
  package static let fixedBudget: [any FixedBudgetAttack] = [
    ProjectedGradientDescent(.strong), ProjectedGradientDescent(.published), AutoAttack(),
    AutoProjectedGradientDescent(.crossEntropy),
    AutoProjectedGradientDescent(.differenceOfLogitsRatio),
    AutoProjectedGradientDescent(.targeted), SquareAttack(), RoundingSearch(),
  ]

  /// Attacks that look for the nearest adversarial image.
  package static let minimumNorm: [any MinimumNormAttack] = [
    MinimumNormSearch(), DeepFool(), FastAdaptiveBoundary(),
  ]

  /// Every name.
  public static var names: [String] { fixedBudget.map(\.name) + minimumNorm.map(\.name) }

  /// Runs the attack of a name on images of any number, a batch at a time.
  ///
  /// - Parameters:
  ///   - epsilon: the radius for attacks inside a ball; others report what they find at any
  ///     distance.
  ///   - progress: called with the number of images done; may throw to stop.
  /// - Returns: nil when no attack has the name.
  public static func run(
    _ name: String, on target: AttackTarget, _ images: EvaluatedImages, epsilon: Double,
    seed: UInt64, workers: Workers, progress: (Int) throws -> Void
  ) rethrows -> [AttackResult]? {
    guard names.contains(name) else { return nil }
    let dataset = images.dataset
    let batch = images.network.batch
    var results: [AttackResult] = []
    for start in stride(from: 0, to: dataset.count, by: batch) {
      let positions = start..<min(dataset.count, start + batch)
      let input = AttackInput(
        images.batch(at: positions), labels: positions.map { dataset.labels[$0] },
        indices: positions.map { dataset.indices[$0] })
      for attack in fixedBudget where attack.name == name {
        results += attack.run(
          input, budgets: Array(repeating: epsilon, count: input.count), on: target, seed: seed,
          workers: workers)
      }
      for attack in minimumNorm where attack.name == name {
        results += attack.run(input, on: target, seed: seed, workers: workers)
      }
      try progress(positions.upperBound)
    }
    return results
  }
}
