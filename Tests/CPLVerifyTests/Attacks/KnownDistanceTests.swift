// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

/// Linear networks, for which the nearest adversarial image in the box is known.
private struct LinearSample {
  let target: AttackTarget
  let input: AttackInput
  /// For each image the least distance at which the class changes.
  let distances: [Double]

  init(classes: Int, seed: UInt64) throws {
    let network = try TightNetworks.linear(seed, classes: classes).network
    target = try AttackTarget(network)
    // Every third image in a corner of the box, every third anywhere in it.
    let images = SampleNetworks.images(network, count: 30, seed: seed)
    let logits = network.logits(images, workers: .serial)
    let labels = logits.rowMaxima
    var known: [Double] = []
    for position in 0..<30 {
      let row = logits.row(position).map { Double($0) }
      let image = images.row(position).map { Double($0) }
      let rows = network.head.unitRows!
      let nearest = (0..<classes).filter { $0 != labels[position] }.map { other in
        let w = zip(rows.row(other), rows.row(labels[position])).map { Double($0) - Double($1) }
        return Self.distance(of: image, along: w, margin: row[labels[position]] - row[other])
      }
      known.append(nearest.min()!)
    }
    let reachable = known.indices.filter { known[$0].isFinite }
    input = AttackInput(
      images: Tensor(
        shape: [reachable.count] + network.inputShape,
        elements: reachable.flatMap { images.row($0) }),
      labels: reachable.map { labels[$0] }, indices: reachable)
    distances = reachable.map { known[$0] }
  }

  /// min ‖d‖ with ⟨w, d⟩ ≥ margin and x + d in the box: d = clip(x + λw) − x, λ by halving; ∞ where
  /// the box does not reach so far.
  private static func distance(of x: [Double], along w: [Double], margin: Double) -> Double {
    func step(_ multiplier: Double) -> [Double] {
      zip(x, w).map { min(max($0 + multiplier * $1, 0), 1) - $0 }
    }
    func gain(_ multiplier: Double) -> Double {
      zip(step(multiplier), w).reduce(0) { $0 + $1.0 * $1.1 }
    }
    var (low, high) = (0.0, 1e9)
    guard gain(high) >= margin else { return .infinity }
    for _ in 0..<200 {
      let middle = (low + high) / 2
      if gain(middle) < margin { low = middle } else { high = middle }
    }
    return step(high).reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

@Suite("Attacks on linear networks, where the nearest adversarial image in the box is known")
struct KnownDistanceTests {
  @Test(
    "searches for the nearest image come within 1 % of it",
    arguments: AttackSuite.minimumNorm.map(\.name), [2, 4, 10])
  func nearest(name: String, classes: Int) throws {
    let sample = try LinearSample(classes: classes, seed: 5)
    let attack = AttackSuite.minimumNorm.first { $0.name == name }!
    let results = attack.run(sample.input, on: sample.target, seed: 1, workers: .serial)
    #expect(sample.distances.count > 20)
    for (position, known) in sample.distances.enumerated() {
      #expect(results[position].distance <= 1.01 * known, "image \(position)")
      // In binary32 the boundary lies where rounding has it: logits of about 1 err by some 1e-6.
      #expect(results[position].distance >= known - 1e-5, "image \(position)")
    }
  }

  @Test(
    "attacks in the ball of 1.01 times the distance find one",
    arguments: [
      ("apgd-ce", 2), ("apgd-dlr", 2), ("apgd-t", 2), ("apgd-t", 4), ("apgd-t", 10),
      ("autoattack", 10),
    ])
  func justInside(name: String, classes: Int) throws {
    let sample = try LinearSample(classes: classes, seed: 5)
    let attack = AttackSuite.fixedBudget.first { $0.name == name }!
    let results = attack.run(
      sample.input, budgets: sample.distances.map { 1.01 * $0 }, on: sample.target, seed: 1,
      workers: .serial)
    for (position, result) in results.enumerated() {
      #expect(result.image != nil, "image \(position)")
    }
  }

  @Test("nothing is found in balls of 0.99 times the distance", arguments: ["apgd-ce", "apgd-t"])
  func justOutside(name: String) throws {
    let sample = try LinearSample(classes: 4, seed: 6)
    let attack = AttackSuite.fixedBudget.first { $0.name == name }!
    let results = attack.run(
      sample.input, budgets: sample.distances.map { 0.99 * $0 - 1e-5 }, on: sample.target, seed: 1,
      workers: .serial)
    #expect(results.allSatisfy { $0.image == nil })
  }
}
