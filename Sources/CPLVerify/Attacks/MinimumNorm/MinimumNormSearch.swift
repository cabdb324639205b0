// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// Looks for the nearest adversarial image: DeepFool towards each of the nearest classes, from the nearest
/// of what that found a walk along the boundary (`BoundaryWalk`), and bisection on the segments back to the
/// image. The nearest of all counts.
package struct MinimumNormSearch: MinimumNormAttack {
  package let name = "minimum-norm"
  package var summary: String {
    "search for the nearest adversarial image at any distance: DeepFool towards each of the nearest "
      + "classes, then from the nearest \(starts) a walk along the boundary (at most \(iterations) "
      + "iterations) and bisection"
  }
  private let deepFool = DeepFool()
  /// How many crossings are walked from, nearest first, and how much farther than the nearest they may be.
  private let starts = 3
  private let slack = 1.2
  private let iterations = 50
  private let halvings = 18

  package init() {}

  /// The nearest adversarial image found for each image.
  package func run(
    _ input: AttackInput, on target: AttackTarget, seed: UInt64, workers: Workers
  ) -> [AttackResult] {
    var (results, logits, _) = input.begin(on: target, workers: workers)
    let found = deepFool.crossings(
      input, logits, results: &results, on: target, workers: workers)
    let chosen = nearest(found, input)
    var walks = chosen.map { crossing in
      BoundaryWalk(
        input.images.row(crossing.position), start: crossing.image,
        label: input.labels[crossing.position], iterations: iterations)
    }
    target.drive(&walks, workers: workers)
    let reached = zip(chosen, walks).map { crossing, walk in
      results[crossing.position].count(walk)
      return DeepFool.Crossing(
        position: crossing.position, target: crossing.target,
        image: walk.adversarial ?? crossing.image)
    }
    let bisected = deepFool.bisect(
      reached, input, halvings: halvings, results: &results, on: target, workers: workers)
    for crossing in found + bisected {
      results[crossing.position].keep(crossing.image, of: input, crossing.position)
    }
    return results
  }

  /// The crossings that are worth walking from: for each image the nearest few.
  private func nearest(
    _ crossings: [DeepFool.Crossing], _ input: AttackInput
  ) -> [DeepFool.Crossing] {
    var distances: [Int: [(distance: Double, crossing: DeepFool.Crossing)]] = [:]
    for crossing in crossings {
      let distance = Ball.distance(crossing.image, input.images.row(crossing.position))
      distances[crossing.position, default: []].append((distance, crossing))
    }
    return distances.keys.sorted().flatMap { position in
      let all = (distances[position] ?? []).sorted {
        ($0.distance, $0.crossing.target) < ($1.distance, $1.crossing.target)
      }
      return all.prefix(starts).filter { $0.distance <= slack * all[0].distance }.map(\.crossing)
    }
  }
}

extension AttackResult {
  /// Keeps an adversarial image if it lies in the box and is the nearest so far.
  mutating func keep(_ candidate: [Float], of input: AttackInput, _ position: Int) {
    guard candidate.allSatisfy({ (0...1).contains($0) }) else { return }
    keep(candidate, distance: Ball.distance(candidate, input.images.row(position)))
  }
}
