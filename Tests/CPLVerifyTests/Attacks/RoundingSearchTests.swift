// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Rounding search")
struct RoundingSearchTests {
  @Test("a distance is never below the exact one, and at most five units in the last place above")
  func distances() {
    var random = CounterRandom(seed: 4, purpose: .test)
    for count in [1, 2, 48, 3072] {
      for exponent in [0, -30, -100] {
        let scale = Float(sign: .plus, exponent: exponent, significand: 1)
        let a = (0..<count).map { _ in Float(random.uniform()) * scale }
        let b = (0..<count).map { _ in Float(random.uniform()) * scale }
        let square = zip(a, b).reduce(FixedPoint(0)) { sum, pair in
          let (a, b) = (Double(pair.0), Double(pair.1))
          let difference = FixedPoint(a) - FixedPoint(b)
          return sum + (difference * a - difference * b)
        }
        let bound = Distance(a, b).upperBound
        let below = bound - 5 * bound.ulp
        #expect(FixedPoint(bound) * bound >= square)
        #expect(FixedPoint(below) * below < square)
        #expect(Distance(a, b).slack(in: 2 * bound) > 0 && Distance(a, b).slack(in: below) < 0)
      }
    }
    #expect(Distance([Float(0.5)], [Float(0.5)]).upperBound == 0)
  }

  @Test("what is found lies in the ball and in the box, is of another class, and needs no company")
  func contract() throws {
    let verified = try TightNetworks.linear(2, classes: 4)
    let network = verified.network
    let images = TightNetworks.images(count: 20, seed: 2)
    let logits = network.logits(images, workers: .serial)
    let radii = try verified.unprotectedRadii(logits)
    let target = try AttackTarget(network)
    let input = AttackInput(images: images, labels: logits.rowMaxima, indices: Array(0..<20))
    let results = RoundingSearch().run(
      input, budgets: radii, on: target, seed: 7, workers: Workers(threads: 2))
    #expect(results.contains { $0.image != nil })
    for (position, result) in results.enumerated() {
      #expect(result.forwardPasses <= 99 && result.backwardPasses == 3)
      let original = Array(images.row(position))
      let alone = RoundingSearch().run(
        AttackInput(
          images: Tensor(shape: [1] + TightNetworks.imageShape.extents, elements: original),
          labels: [input.labels[position]], indices: [position]), budgets: [radii[position]],
        on: target, seed: 7, workers: .serial)[0]
      #expect(alone.image == result.image && alone.distance == result.distance)
      guard let image = result.image else { continue }
      #expect(image.allSatisfy { (0...1).contains($0) })
      #expect(result.distance <= radii[position])
      #expect(result.distance == Distance(image, original).upperBound)
      let found = network.logits(
        Tensor(shape: [1] + TightNetworks.imageShape.extents, elements: image), workers: .serial)
      #expect(found.rowMaxima[0] != input.labels[position])
    }
  }

  @Test("it stays in the box, and where the straight way leaves that, finds the way along its side")
  func box() throws {
    // Class 0 wins by the sum of the first two pixels, one of which is 0 already.
    let head = PoolingLinear<Float>(name: "head", pooling: .mean, features: 4, classes: 2)
    let network = CPLNetwork<Float>(layers: [
      Normalize(name: "normalize", mean: [0], standardDeviation: [1], image: [1, 2, 2]),
      Flatten(name: "flatten", image: [1, 2, 2]), head,
    ])
    let images = Tensor<Float>(shape: [1, 1, 2, 2], elements: [0, 0.5, 0.25, 0])
    let input = AttackInput(images: images, labels: [0], indices: [0])
    let target = try AttackTarget(network)
    // The nearest way: the second pixel down, the third and the fourth up, a twelfth each.
    for (budget, succeeds) in [(0.25 / 3.0.squareRoot() * 1.001, true), (0.14, false)] {
      let result = RoundingSearch().run(
        input, budgets: [budget], on: target, seed: 1, workers: .serial)[0]
      #expect((result.image != nil) == succeeds)
      #expect(result.image?.allSatisfy { (0...1).contains($0) } ?? true)
    }
  }
}
