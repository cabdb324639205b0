// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Directed rounding in binary64")
struct RoundingTests {
  /// Numbers of every size, round ones (whose sums and products are often exact) among them.
  static func number(_ random: inout CounterRandom, exponents: ClosedRange<Int>) -> Double {
    let exponent = exponents.lowerBound + random.below(exponents.count)
    let isRound = random.below(4) == 0
    let significand =
      isRound ? 1 + Double(random.below(16)) / 16 : 1 + random.uniform()
    let magnitude = Double(sign: .plus, exponent: exponent, significand: significand)
    return random.below(2) == 0 ? magnitude : -magnitude
  }

  /// The result is the nearest binary64 number on its side, or there is none nearer.
  func expectNearest(
    _ up: Double, _ down: Double, _ comment: Comment, exactMinus sign: (Double) -> Int
  ) {
    #expect(sign(up) <= 0, "up lies below the exact result: \(comment)")
    #expect(sign(down) >= 0, "down lies above the exact result: \(comment)")
    if up.nextDown.isFinite { #expect(sign(up.nextDown) > 0, "up is not nearest: \(comment)") }
    if down.nextUp.isFinite { #expect(sign(down.nextUp) < 0, "down is not nearest: \(comment)") }
  }

  /// Exponent ranges for two operands: ordinary, near underflow on either, far into it.
  static let ranges: [(ClosedRange<Int>, ClosedRange<Int>)] = [
    (-20...20, -20...20), (-540...(-500), -540...(-500)), (-1074...(-1000), -30...60),
    (-60...30, -1074...(-960)), (-300...300, -700...700),
  ]

  @Test("sums are the nearest on their side", arguments: [0, -1040, 990])
  func sums(offset: Int) {
    var random = CounterRandom(seed: 1, purpose: .test)
    for _ in 0..<20_000 {
      let a = Self.number(&random, exponents: offset - 30...offset + 30)
      let b = Self.number(&random, exponents: offset - 30...offset + 30)
      expectNearest(Rounding.up.sum(a, b), Rounding.down.sum(a, b), "\(a) + \(b)") {
        Exact.signOfSum(a, b, minus: $0)
      }
      expectNearest(
        Rounding.up.difference(a, b), Rounding.down.difference(a, b), "\(a) - \(b)"
      ) { Exact.signOfSum(a, -b, minus: $0) }
    }
  }

  @Test("products are the nearest on their side, underflow included", arguments: 0..<5)
  func products(range: Int) {
    var random = CounterRandom(seed: 2, purpose: .test)
    for _ in 0..<20_000 {
      let a = Self.number(&random, exponents: Self.ranges[range].0)
      let b = Self.number(&random, exponents: Self.ranges[range].1)
      expectNearest(Rounding.up.product(a, b), Rounding.down.product(a, b), "\(a) * \(b)") {
        Exact.signOfProduct(a, b, minus: $0)
      }
    }
  }

  @Test("quotients are the nearest on their side, underflow included", arguments: 0..<5)
  func quotients(range: Int) {
    var random = CounterRandom(seed: 3, purpose: .test)
    for _ in 0..<20_000 {
      let a = Self.number(&random, exponents: Self.ranges[range].0)
      let b = Self.number(&random, exponents: Self.ranges[range].1)
      guard (a / b).isFinite else { continue }
      expectNearest(Rounding.up.quotient(a, b), Rounding.down.quotient(a, b), "\(a) / \(b)") {
        // a/b − r has the sign of (a − r·b)·b.
        -Exact.signOfProduct($0, b, minus: a) * (b < 0 ? -1 : 1)
      }
    }
  }

  @Test("square roots are the nearest on their side", arguments: [0, -1040, 990])
  func squareRoots(offset: Int) {
    var random = CounterRandom(seed: 4, purpose: .test)
    for _ in 0..<20_000 {
      let a = Self.number(&random, exponents: offset - 30...offset + 30).magnitude
      expectNearest(Rounding.up.squareRoot(a), Rounding.down.squareRoot(a), "√\(a)") {
        -Exact.signOfProduct($0, $0, minus: a)
      }
    }
  }

  @Test("binary32 numbers are the nearest on their side")
  func floats() {
    var random = CounterRandom(seed: 5, purpose: .test)
    for _ in 0..<100_000 {
      let a = Self.number(&random, exponents: -160...127)
      let up = Rounding.up.float(a)
      let down = Rounding.down.float(a)
      #expect(Double(up) >= a && Double(down) <= a, "\(a)")
      #expect(up == down ? Double(up) == a : up == down.nextUp, "\(a)")
    }
    #expect(Rounding.down.float(1e300) == Float.greatestFiniteMagnitude)
    #expect(Rounding.up.float(1e300) == .infinity)
    #expect(Rounding.up.float(1e-300) == Float.leastNonzeroMagnitude)
    #expect(Rounding.down.float(1e-300) == 0)
  }

  @Test("exact results stay exact")
  func exactResults() {
    for direction in [Rounding.up, .down] {
      #expect(direction.sum(0.5, 0.5) == 1)
      #expect(direction.product(0.5, 2) == 1)
      #expect(direction.quotient(6, 3) == 2)
      #expect(direction.squareRoot(4) == 2)
      #expect(direction.float(0.25) == 0.25)
      #expect(direction.sum(0, 0) == 0)
      #expect(direction.product(0, 3) == 0)
      #expect(direction.quotient(0, 3) == 0)
      #expect(direction.squareRoot(0) == 0)
    }
  }

  @Test("a lost addend still counts")
  func lostAddend() {
    #expect(Rounding.up.sum(1, 1e-300) == 1.0.nextUp)
    #expect(Rounding.down.sum(1, 1e-300) == 1)
    #expect(Rounding.down.sum(1, -1e-300) == 1.0.nextDown)
    #expect(Rounding.up.sum(1, -.leastNonzeroMagnitude) == 1)
  }

  @Test("results below the least magnitude become it, or zero")
  func underflow() {
    let least = Double.leastNonzeroMagnitude
    #expect(Rounding.up.product(least, 0.1) == least)
    #expect(Rounding.down.product(least, 0.1) == 0)
    #expect(Rounding.down.product(-least, least) == -least)
    #expect(Rounding.up.quotient(least, 1e10) == least)
    #expect(Rounding.down.quotient(least, -1e10) == -least)
  }

  @Test("a finite result beyond the range is the largest number or infinity, by side")
  func overflow() {
    let largest = Double.greatestFiniteMagnitude
    #expect(Rounding.up.sum(largest, largest) == .infinity)
    #expect(Rounding.down.sum(largest, largest) == largest)
    #expect(Rounding.up.sum(-largest, -largest) == -largest)
    #expect(Rounding.down.product(largest, 2) == largest)
    #expect(Rounding.up.product(largest, -2) == -largest)
    #expect(Rounding.down.quotient(largest, 0.5) == largest)
    #expect(Rounding.down.quotient(1, 0) == .infinity, "an infinity that is exact stays")
    #expect(Rounding.up.quotient(1, .infinity) == 0)
    #expect(Rounding.up.sum(largest, -largest) == 0)
    let ulp = largest - largest.nextDown
    #expect(Rounding.up.sum(largest, -ulp / 4) == largest)
    #expect(Rounding.down.sum(largest, -ulp / 4) == largest.nextDown)
    #expect(Rounding.down.sum(-largest, ulp / 4) == -largest)
    #expect(Rounding.up.sum(-largest, ulp / 4) == -largest.nextDown)
  }

  @Test("NaN stays NaN")
  func notANumber() {
    for direction in [Rounding.up, .down] {
      #expect(direction.sum(.nan, 1).isNaN)
      #expect(direction.sum(.infinity, -.infinity).isNaN)
      #expect(direction.product(0, .infinity).isNaN)
      #expect(direction.quotient(0, 0).isNaN)
      #expect(direction.squareRoot(-1).isNaN)
      #expect(direction.float(.nan).isNaN)
    }
  }

  @Test("γ_n ≥ n·u/(1 − n·u), by less than an ulp")
  func gamma() {
    #expect(Rounding.gamma(0) == 0)
    #expect(Rounding.gamma(1 << 53) == .infinity)
    for n in [1, 2, 3, 405, 2880, 1 << 20, 1 << 40] {
      let nu = Double(n) * 0x1p-53
      // γ·(1 − nu) ≥ nu, where 1 − nu is exact.
      #expect(Exact.signOfProduct(Rounding.gamma(n), 1 - nu, minus: nu) >= 0)
      #expect(Exact.signOfProduct(Rounding.gamma(n).nextDown, 1 - nu, minus: nu) < 0)
    }
  }

  @Test("Euclidean norms from either side")
  func norms() {
    #expect(EuclideanNorm.upperBound([]) == 0)
    #expect(EuclideanNorm.upperBound([0, 0]) == 0)
    #expect(EuclideanNorm.lowerBound([0, 0]) == 0)
    #expect(EuclideanNorm.upperBound([1e-200]) > 0, "squares that underflow are not forgotten")
    #expect(EuclideanNorm.upperBound([1e200, 1]) == .infinity)
    #expect(EuclideanNorm.lowerBound([1e200, 1]) == 0)
    #expect(EuclideanNorm.upperBound([.nan]).isNaN)
    let ones = [Double](repeating: 3, count: 4096)  // of norm 192
    #expect(EuclideanNorm.lowerBound(ones) <= 192 && EuclideanNorm.upperBound(ones) >= 192)
    #expect(EuclideanNorm.upperBound(ones) - EuclideanNorm.lowerBound(ones) < 192 * 1e-12)
  }
}
