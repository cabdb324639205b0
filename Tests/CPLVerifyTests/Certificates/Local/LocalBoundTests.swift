// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("The bound of local certificates")
struct LocalBoundTests {
  /// Networks of every kind, and some with steps up to one and a half times as long as is nonexpansive.
  private static func samples(_ count: UInt64) throws -> [LocalCase] {
    var samples: [LocalCase] = []
    for seed in 0..<count {
      let network =
        try seed % 2 == 0
        ? SampleNetworks.random(seed &+ 40_000)
        : LocalCase.network(seed, step: [0.5, 0.9, 1, 1.5][Int(seed / 2 % 4)])
      if let sample = try LocalCase(seed, network: network) { samples.append(sample) }
    }
    return samples
  }

  private static var count: UInt64 { Hunt.isSlow ? 2000 : 60 }

  @Test(
    "the identity holds: a margin's change is ⟨a₀, δ⟩ less what slopes leave over, unit by unit")
  func identity() throws {
    for var sample in try Self.samples(Self.count) {
      let delta = sample.perturbation(norm: 0.5 * sample.random.uniform())
      let slopes = sample.multipliers().slopes
      let (followed, backward) = (
        sample.definition.follow(delta), sample.definition.backward(slopes)
      )
      var change = LocalDefinition.dot(backward.image, delta)
      var size = change.magnitude
      for (layer, terms) in zip(followed.layers, backward.layers) {
        let rest =
          LocalDefinition.dot(terms.forward, layer.change)
          - LocalDefinition.dot(terms.linear, layer.move)
        change -= rest
        size += rest.magnitude
      }
      let expected = -sample.definition.decrease(delta)
      // Logits of magnitude 10 and sums of a few hundred terms.
      #expect(abs(change - expected) <= 1e-11 * (10 + size))
    }
  }

  @Test("D is what its definition says, and above it by rounding alone")
  func definition() throws {
    for var sample in try Self.samples(Self.count) {
      let multipliers = sample.multipliers()
      let radius = 0.05 + 0.5 * sample.random.uniform()
      let distance = 0.5 * radius
      let proved = sample.bound.decreaseUpperBound(
        radius: radius, featureDistance: distance, multipliers)
      let value = sample.definition.bound(
        multipliers, sample.local, radius: radius, featureDistance: distance)
      // The oracle rounds, too: a sum of some hundred terms.
      #expect(proved >= value - 1e-13 * max(1, value.magnitude))
      #expect(proved <= value + 1e-9 * max(1, value.magnitude))
    }
  }

  @Test(
    "the proved bound lies above D in real arithmetic, taken to over 200 bits, by rounding alone")
  func rounding() throws {
    var losses: [Double] = []
    for var sample in try Self.samples(Hunt.isSlow ? 1000 : 80) {
      let exact = ExactDecrease(sample)
      for trial in 0..<5 {
        let radius = 0.02 + sample.random.uniform()
        let delta = sample.perturbation(norm: radius)
        let multipliers = sample.multipliers(fitting: trial % 2 == 0 ? delta : nil)
        let distance = 0.9 * radius * sample.random.uniform()
        let proved = sample.bound.decreaseUpperBound(
          radius: radius, featureDistance: distance, multipliers)
        let truth = exact.value(radius: radius, featureDistance: distance, multipliers)
        let excess = FixedPoint(proved) - truth
        #expect(excess > FixedPoint(0))
        losses.append(excess.magnitudeUpperBound / max(1, truth.magnitudeUpperBound))
      }
    }
    let sorted = losses.sorted()
    // As docs/soundness.md says.
    #expect(sorted.count > 300 && sorted[sorted.count - 1] < 1e-9)
    if Hunt.isSlow {
      print(
        "\(sorted.count) bounds, lost of D by rounding: median \(sorted[sorted.count / 2]), "
          + "at most \(sorted[sorted.count - 1])")
    }
  }

  @Test("whatever the multipliers, no perturbation lowers a margin by more than D")
  func theorem() throws {
    for var sample in try Self.samples(Self.count) {
      for trial in 0..<6 {
        let radius = 0.02 + sample.random.uniform()
        let delta = sample.perturbation(norm: radius * (1 - 0x1p-40))
        let output = sample.definition.follow(delta).output
        let distance = LocalDefinition.dot(output, output).squareRoot() * (1 - 1e-12)
        let multipliers = sample.multipliers(fitting: trial % 2 == 0 ? delta : nil)
        let decrease = sample.definition.decrease(delta)
        let proved = sample.bound.decreaseUpperBound(
          radius: radius, featureDistance: distance, multipliers)
        // The oracle's margins round; the bound is of real ones.
        #expect(proved >= decrease - 1e-13)
        let own = sample.definition.bound(
          multipliers, sample.local, radius: radius, featureDistance: distance, at: delta)
        #expect(own >= decrease - 1e-11 * max(1, own.magnitude))
        #expect(proved >= own - 1e-11 * max(1, own.magnitude))
      }
    }
  }

  @Test(
    "with multipliers that fit a perturbation and one price for all energy nothing is left over: D's terms are its margin's fall",
    arguments: [0.9, 1, 1.5])
  func equality(step: Double) throws {
    for seed in 0..<UInt64(20) {
      let verified = try LocalCase.network(seed, step: step, pooling: 1)
      var sample = try #require(try LocalCase(seed, network: verified))
      let radius = 0.1 + sample.random.uniform()
      let delta = sample.perturbation(norm: radius)
      let multipliers = sample.multipliers(fitting: delta, price: 1)
      let own = sample.definition.bound(
        multipliers, sample.local, radius: radius, featureDistance: 0, at: delta)
      #expect(abs(own - sample.definition.decrease(delta)) <= 1e-11)
    }
  }

  @Test(
    "bounds with a fault are refuted by a perturbation", arguments: LocalDefinition.Fault.allCases)
  func faults(_ fault: LocalDefinition.Fault) throws {
    var (refuted, differing) = (0, 0)
    let count: UInt64 = 40
    for seed in 0..<count {
      let verified = try LocalCase.network(
        seed, step: fault == .longStep ? 1.5 : 1, pooling: 1)
      var sample = try #require(try LocalCase(seed, network: verified))
      let radius = 0.1 + sample.random.uniform()
      let delta = sample.perturbation(norm: radius)
      var multipliers = sample.multipliers(fitting: delta, price: 1)
      if fault == .longStep { sample.moveTouches(&multipliers) }
      let own = sample.definition.bound(
        multipliers, sample.local, radius: radius, featureDistance: 0, at: delta, fault: fault)
      if own < sample.definition.decrease(delta) - 1e-6 { refuted += 1 }
      let (right, wrong) = (
        sample.definition.bound(multipliers, sample.local, radius: radius, featureDistance: 0.1),
        sample.definition.bound(
          multipliers, sample.local, radius: radius, featureDistance: 0.1, fault: fault)
      )
      if abs(right - wrong) > 1e-6 * max(1, right.magnitude) { differing += 1 }
    }
    // Few small perturbations switch a unit.
    #expect(refuted > (fault == .fixedUnits ? count / 10 : count / 2))
    // "D is what its definition says" tells the two apart.
    #expect(differing > count / 2)
  }

  @Test("rows and reach are those of W on what an image can change")
  func reach() throws {
    for seed in 0..<UInt64(10) {
      let sample = try #require(
        try LocalCase(seed, network: LocalCase.network(seed, step: 1)))
      let channels = sample.image.count
      for part in sample.local.residuals {
        let matrix = sample.definition.matrices[part.index].map {
          part.index == 0 ? Array($0.prefix(channels)) : $0
        }
        for (row, norm) in zip(matrix, part.rowNorms) {
          let length = LocalDefinition.dot(row, row).squareRoot()
          #expect(length <= norm && norm <= length * (1 + 1e-12))
        }
        var vector = matrix[0].map { _ in 1.0 }
        for _ in 0..<500 {
          let next = LocalDefinition.multiply(
            LocalDefinition.transposed(matrix), LocalDefinition.multiply(matrix, vector))
          let length = LocalDefinition.dot(next, next).squareRoot()
          vector = next.map { $0 / length }
        }
        let image = LocalDefinition.multiply(matrix, vector)
        let found = LocalDefinition.dot(image, image).squareRoot()
        #expect(found <= part.reach * (1 + 1e-12) && part.reach <= found * 1.01)
        #expect(part.index > 0 || part.reach < part.spectralNorm)
      }
    }
  }

  @Test("numbers that are not finite, prices that rise and magnitudes beyond 2^100 prove nothing")
  func refused() throws {
    var sample = try #require(try LocalCase(1, network: LocalCase.network(1, step: 1)))
    let bound = sample.bound
    let good = sample.multipliers()
    func value(_ change: (inout LocalMultipliers) -> Void) throws -> Double {
      var multipliers = good
      change(&multipliers)
      return bound.decreaseUpperBound(radius: 0.1, featureDistance: 0.01, multipliers)
    }
    #expect(try value { _ in }.isFinite)
    #expect(try value { $0.slopes[1][0] = .nan } == .infinity)
    #expect(try value { $0.touches[0][0] = .infinity } == .infinity)
    #expect(try value { $0.touches[0][0] = 0x1p200 } == .infinity)
    #expect(try value { $0.prices[0] = $0.prices[1].nextDown } == .infinity)
    #expect(try value { $0.prices[2] = .nan } == .infinity)
    #expect(try value { $0.prices[$0.prices.count - 1] = -1 } == .infinity)
  }
}
