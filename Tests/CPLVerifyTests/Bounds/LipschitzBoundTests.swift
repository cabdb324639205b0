// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Lipschitz bounds of layers")
struct LipschitzBoundTests {
  @Test("the verified step never takes h·σ̄² above 2, and is the largest such binary32 number")
  func verifiedStep() throws {
    var random = CounterRandom(seed: 1, purpose: .test)
    for _ in 0..<20_000 {
      let norm = RoundingTests.number(&random, exponents: -60...60).magnitude
      let step = try LipschitzBound.verifiedStep(spectralNormUpperBound: norm)
      // σ̄² ≤ S and h·S ≤ 2, both exactly.
      let square = Rounding.up.product(norm, norm)
      #expect(Exact.signOfProduct(norm, norm, minus: square) <= 0)
      #expect(Exact.signOfProduct(Double(step), square, minus: 2) <= 0, "σ̄ = \(norm)")
      #expect(
        try LipschitzBound.convexPotentialLayer(
          stepSize: step, spectralNormUpperBound: norm) == 1, "σ̄ = \(norm)")
      #expect(Double(step.nextUp) * (square + 1e-4) > 2 * (1 - 1e-15), "σ̄ = \(norm)")
    }
  }

  @Test(
    "steps at the ends of the range are steps",
    arguments: [0, .leastNonzeroMagnitude, 1e-200, 1e25, 1e154, 1e308])
  func extremeSteps(norm: Double) throws {
    let step = try LipschitzBound.verifiedStep(spectralNormUpperBound: norm)
    #expect(step >= 0 && step <= 20_000)
    #expect(
      try LipschitzBound.convexPotentialLayer(stepSize: step, spectralNormUpperBound: norm) == 1)
  }

  @Test("a layer whose step is too long expands by h·σ̄² − 1, rounded up")
  func tooLongAStep() throws {
    #expect(
      try LipschitzBound.convexPotentialLayer(stepSize: 0.5, spectralNormUpperBound: 3) == 3.5)
    #expect(try LipschitzBound.convexPotentialLayer(stepSize: 0.5, spectralNormUpperBound: 2) == 1)
    let justAbove = try LipschitzBound.convexPotentialLayer(
      stepSize: 0.5, spectralNormUpperBound: 2.0.nextUp)
    #expect(justAbove > 1 && justAbove < 1 + 1e-14)
    #expect(
      try LipschitzBound.convexPotentialLayer(stepSize: 0, spectralNormUpperBound: 1e300) == 1)
  }

  @Test("normalisation: one over the least std that is executed")
  func normalization() throws {
    #expect(try LipschitzBound.normalization(standardDeviations: [1, 1, 1]) == 1)
    let deviations: [Float] = [0.2673, 0.2564, 0.2762]
    let bound = try LipschitzBound.normalization(standardDeviations: deviations)
    #expect(Exact.signOfProduct(bound, Double(Float(0.2564)), minus: 1) >= 0)
    #expect(Exact.signOfProduct(bound.nextDown, Double(Float(0.2564)), minus: 1) < 0)
    #expect(bound > 1 / 0.2564, "0.2564 rounds down in binary32")
  }

  @Test("clone padding: the rounded root counts")
  func clonePadding() throws {
    for copies in [1, 4, 16, 25] {
      #expect(
        try LipschitzBound.clonePadding(copies: copies, divisor: Double(copies).squareRoot()) == 1)
    }
    for copies in [2, 3, 5, 15, 20, 30, 40] {
      let divisor = Float(copies).squareRoot()
      let bound = try LipschitzBound.clonePadding(copies: copies, divisor: Double(divisor))
      let root = Rounding.down.squareRoot(Double(copies))
      #expect(Exact.signOfProduct(bound, Double(divisor), minus: root) >= 0)
      #expect((bound - 1).magnitude < 1e-7)
    }
  }

  @Test("mean pooling: √(k/⌊k⌋)")
  func meanPooling() throws {
    #expect(try LipschitzBound.meanPooling(group: 4, factor: 2) == 1)
    let factor = 28.8.squareRoot()
    let bound = try LipschitzBound.meanPooling(group: 28, factor: factor)
    #expect(bound >= (28.8 / 28).squareRoot() && bound < (28.8 / 28).squareRoot() + 1e-15)
    #expect(try LipschitzBound.meanPooling(group: 1, factor: 1) == 1)
  }

  @Test("a composition's bound is the product, and 1 stays 1")
  func composition() throws {
    #expect(try LipschitzBound.composition([]) == 1)
    #expect(try LipschitzBound.composition(Array(repeating: 1, count: 100)) == 1)
    let third = Rounding.up.quotient(1, 3)
    #expect(try LipschitzBound.composition([third, 3]) >= 1)
  }

  @Test("numbers that mean nothing are refused")
  func refusals() {
    #expect(throws: VerificationError.self) {
      try LipschitzBound.verifiedStep(spectralNormUpperBound: .nan)
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.verifiedStep(spectralNormUpperBound: -1)
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.convexPotentialLayer(stepSize: .infinity, spectralNormUpperBound: 1)
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.convexPotentialLayer(stepSize: -0.1, spectralNormUpperBound: 1)
    }
    #expect(
      throws: VerificationError.notFinite(what: "standard deviation", location: "channel 1")
    ) { try LipschitzBound.normalization(standardDeviations: [1, .nan]) }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.normalization(standardDeviations: [1, 0])
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.normalization(standardDeviations: [])
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.clonePadding(copies: 0, divisor: 1)
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.clonePadding(copies: 4, divisor: 0)
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.meanPooling(group: 0, factor: 1)
    }
    #expect(throws: VerificationError.self) {
      try LipschitzBound.meanPooling(group: 1, factor: -1)
    }
    #expect(throws: VerificationError.self) { try LipschitzBound.composition([1, .infinity]) }
    #expect(throws: VerificationError.self) { try LipschitzBound.composition([1e200, 1e200, 0]) }
  }

  @Test("errors say what was expected, what was found, and where")
  func messages() {
    #expect(
      VerificationError.notFinite(what: "kernel", location: "inner 1, channel 2").description
        == "kernel: expected finite numbers, found one that is not, first at inner 1, channel 2")
    #expect(
      VerificationError.invalid(what: "image side", expected: "1 to 4096", found: "0").description
        == "image side: expected 1 to 4096, found 0")
    #expect(
      VerificationError.enclosureNotFound(what: "kernel", reason: "too wide").description
        == "kernel: no verified enclosure was found: too wide")
  }
}
