// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing
import TestSupport

/// An attack of the suite, whichever its kind, run at given radii.
struct AnyAttack: CustomTestStringConvertible, Sendable {
  let name: String
  let run:
    @Sendable (AttackInput, _ budgets: [Double], AttackTarget, UInt64, Workers) -> [AttackResult]
  let isBounded: Bool

  static let all: [AnyAttack] =
    AttackSuite.fixedBudget.map { attack in
      AnyAttack(
        name: attack.name,
        run: { attack.run($0, budgets: $1, on: $2, seed: $3, workers: $4) }, isBounded: true)
    }
    + AttackSuite.minimumNorm.map { attack in
      AnyAttack(
        name: attack.name,
        run: { input, _, target, seed, workers in
          attack.run(input, on: target, seed: seed, workers: workers)
        }, isBounded: false)
    }

  var testDescription: String { name }
}

@Suite("Every attack keeps its contract")
struct AttackContractTests {
  /// A small network of every kind of layer, its weights large enough for it to bend.
  static func target() throws -> AttackTarget {
    var configuration = ModelRecipe(
      convolutionLayers: 1, channels: 6, linearLayers: 1, linearInner: 12, image: [3, 8, 12])
    configuration.classes = 6
    var network = CPLNetwork<Float>(
      configuration.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 11)
    for index in network.layers.indices {
      network.layers[index].updateParameters { _, value in
        for element in value.elements.indices { value.elements[element] *= 3 }
      }
    }
    return try AttackTarget(
      VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }.network)
  }

  /// Images, labelled as the network sees them but for every fifth, and radii near the distance at
  /// which the class changes: some images are broken and some hold out.
  static func input(
    _ target: AttackTarget, count: Int, first: Int = 0, scale: Double = 1
  ) -> (input: AttackInput, budgets: [Double]) {
    let images = SampleNetworks.images(target.network, count: count, seed: UInt64(40 + first))
    let logits = target.network.logits(images, workers: .serial)
    let labels = logits.rowMaxima.enumerated().map { $0 % 5 == 4 ? ($1 + 1) % 6 : $1 }
    let budgets = (0..<count).map { position in
      let sorted = logits.row(position).sorted()
      let margin = Double(sorted[sorted.count - 1] - sorted[sorted.count - 2])
      return scale * max(margin, 1e-3) * (position % 3 == 0 ? 0.5 : 1.5)
    }
    return (
      AttackInput(images: images, labels: labels, indices: Array(first..<first + count)), budgets
    )
  }

  /// Radii for an attack. The rounding search looks at the ball's rim alone, and at images whose class
  /// has just changed there.
  static func budgets(
    _ budgets: [Double], for attack: AnyAttack, _ input: AttackInput, on target: AttackTarget
  ) -> [Double] {
    guard attack.name == RoundingSearch().name else { return budgets }
    let nearest = MinimumNormSearch().run(input, on: target, seed: 3, workers: .serial)
    return nearest.map { max(1.01 * $0.distance, 1e-3) }
  }

  /// Whether what came back is in its ball and in the box, of another class, and as far away as stated.
  static func check(
    _ results: [AttackResult], _ input: AttackInput, _ budgets: [Double], on target: AttackTarget,
    isBounded: Bool
  ) -> Int {
    var returned = 0
    for (position, result) in results.enumerated() {
      guard let image = result.image else {
        #expect(result.distance == .infinity)
        continue
      }
      returned += 1
      let original = input.images.row(position)
      #expect(image.allSatisfy { (0...1).contains($0) }, "image \(position) in the box")
      let square = zip(image, original).reduce(0.0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
      }
      // The sum of n squares in binary64 errs by at most n units in the last place.
      let slack = 1 + Double(image.count) * 0x1p-52
      #expect(result.distance <= square.squareRoot() * slack, "image \(position)")
      #expect(result.distance * slack >= square.squareRoot(), "image \(position)")
      if isBounded { #expect(square.squareRoot() <= budgets[position] * slack) }
      let shape = [1] + target.network.inputShape
      let logits = target.network.logits(Tensor(shape: shape, elements: image), workers: .serial)
      #expect(logits.rowMaxima[0] != input.labels[position], "image \(position)")
    }
    return returned
  }

  @Test("in its ball, in the box, of another class, as far as stated", arguments: AnyAttack.all)
  func returnedImages(attack: AnyAttack) throws {
    let target = try Self.target()
    let (input, sampled) = Self.input(target, count: 9, scale: 4)
    let budgets = Self.budgets(sampled, for: attack, input, on: target)
    let results = attack.run(input, budgets, target, 3, Workers(threads: 2))
    #expect(results.count == 9)
    let returned = Self.check(results, input, budgets, on: target, isBounded: attack.isBounded)
    // More than the one that is misclassified already.
    #expect(returned >= 2)
    #expect(results.allSatisfy { $0.forwardPasses > 0 })
  }

  @Test(
    "an image fares the same alone, in a shuffled subset and among all, with 1, 2 and 3 threads",
    arguments: AnyAttack.all)
  func company(attack: AnyAttack) throws {
    let target = try Self.target()
    let (input, sampled) = Self.input(target, count: 7, scale: 4)
    let budgets = Self.budgets(sampled, for: attack, input, on: target)
    let all = attack.run(input, budgets, target, 3, .serial)
    #expect(all.count { $0.image != nil } >= 2)
    for (positions, threads) in [
      (Array(0..<7), 2), (Array(0..<7), 3), ([5, 0, 3], 1), ([1], 2), ([3], 3),
    ] {
      let selection = AttackInput(
        images: Tensor(
          shape: [positions.count] + target.network.inputShape,
          elements: positions.flatMap { input.images.row($0) }),
        labels: positions.map { input.labels[$0] }, indices: positions.map { input.indices[$0] })
      let some = attack.run(
        selection, positions.map { budgets[$0] }, target, 3, Workers(threads: threads))
      for (position, result) in zip(positions, some) {
        #expect(result.image == all[position].image, "image \(position) of \(positions)")
        #expect(result.distance == all[position].distance)
        #expect(result.forwardPasses == all[position].forwardPasses)
        #expect(result.backwardPasses == all[position].backwardPasses)
      }
    }
  }

  @Test(
    "PGD is a search an image, in either precision: a pass a step, every point in the ball and the box",
    arguments: ProjectedGradientDescent.Variant.allCases)
  func descent(variant: ProjectedGradientDescent.Variant) throws {
    let target = try Self.target()
    let network = target.network.converted(to: Double.self)
    let (input, _) = Self.input(target, count: 3)
    // Too near for the class to change, and where it does.
    for (image, radius, ends) in [(0, 1e-4, false), (1, 2, true)] {
      let original = input.images.row(image).map { Double($0) }
      var searches = [
        DescentSearch(
          Ball(center: original[...], radius: radius), variant, label: input.labels[image],
          loss: .margin(target.constants), start: original.map { 1 - $0 })
      ]
      let steps = variant == .strong ? 50 : 10
      while !searches[0].isOver {
        let distance = zip(searches[0].point, original).reduce(0.0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }.squareRoot()
        #expect(distance <= radius && searches[0].point.allSatisfy { (0...1).contains($0) })
        let isLast = searches[0].forwardPasses == steps
        #expect(searches[0].wantsGradient == !isLast)
        network.advance(&searches, [0], withGradient: !isLast, workers: .serial)
      }
      #expect((searches[0].adversarial != nil) == ends)
      if !ends || variant == .published {
        #expect(searches[0].forwardPasses == steps + 1 && searches[0].backwardPasses == steps)
      }
    }
  }

  @Test(
    "10,000 returned images", .enabled(if: Hunt.isSlow, "set CPL_SLOW_TESTS=1"),
    arguments: AnyAttack.all)
  func manyImages(attack: AnyAttack) throws {
    let target = try Self.target()
    var (returned, first) = (0, 0)
    while returned < 10_000, first < 400_000 {
      let (input, budgets) = Self.input(target, count: 200, first: first, scale: 2)
      let results = attack.run(input, budgets, target, 3, Workers(threads: 2))
      returned += Self.check(results, input, budgets, on: target, isBounded: attack.isBounded)
      first += 200
    }
    #expect(returned >= 10_000)
  }
}
