// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Testing

@Suite("Arithmetic of 512 bits")
struct FixedPointTests {
  /// Numbers of binary64 of either sign, whose products and errors are multiples of the unit.
  private static let samples: [Double] = {
    var random = CounterRandom(seed: 1, purpose: .test, major: 81)
    let numbers = (0..<60).map { index -> Double in
      let sign: FloatingPointSign = random.below(2) == 0 ? .minus : .plus
      return Double(
        sign: sign, exponent: random.below(80) - 60, significand: 1 + random.uniform())
    }
    let ends = [0x1p-149, 0x1p-100, 1 - 0x1p-53, 1 + 0x1p-52, 0x1.fffffffffffffp20]
    return numbers + [0, 1, 3, 10] + ends + ends.map(-)
  }()

  private static let pairs = samples.flatMap { a in samples.map { (a, $0) } }

  /// The value's first digits after the point, of a value in [0, 10).
  private static func digits(_ value: FixedPoint, _ count: Int) -> String {
    var (rest, text) = (value, "")
    for _ in 0...count {
      let digit = (0...9).last { FixedPoint(Double($0)) <= rest }!
      text += "\(digit)"
      rest = (rest - FixedPoint(Double(digit))) * 10
    }
    return text
  }

  @Test("the series of e has the digits of e")
  func euler() {
    var (sum, term) = (FixedPoint(1), FixedPoint(1))
    for index in 1..<100 {
      term = term / Double(index)
      sum = sum + term
    }
    #expect(
      Self.digits(sum, 100)
        == "2718281828459045235360287471352662497757247093699959574966967627"
        + "7240766303535475945713821785251664274")
  }

  @Test("roots, reciprocals and products agree to more than 200 bits")
  func roots() {
    #expect(
      Self.digits(FixedPoint(2).squareRoot, 60)
        == "1414213562373095048801688724209698078569671875376948073176679")
    for value in Self.samples where abs(value) > 0x1p-90 {
      let number = FixedPoint(value)
      #expect((number * number.reciprocal).distance(to: 1) < 0x1p-220)
      let square = number * number
      #expect(square == number * value)
      #expect((square.squareRoot - number.magnitude).magnitudeUpperBound < 0x1p-220 * abs(value))
    }
  }

  @Test("Machin's formula has the digits of π")
  func machin() {
    func arctangent(ofInverse n: Double) -> FixedPoint {
      var power = FixedPoint(1) / n
      return (0..<200).reduce(FixedPoint(0)) { sum, index in
        let term = power / Double(2 * index + 1)
        power = power / n / n
        return index.isMultiple(of: 2) ? sum + term : sum - term
      }
    }
    let pi = arctangent(ofInverse: 5) * 16 - arctangent(ofInverse: 239) * 4
    #expect(
      Self.digits(pi, 100)
        == "3141592653589793238462643383279502884197169399375105820974944592"
        + "3078164062862089986280348253421170679")
  }

  @Test("a sum is binary64's and its rounding error, which Knuth's algorithm has exactly")
  func sums() {
    for (a, b) in Self.pairs {
      let sum = a + b
      let part = sum - a
      let error = (a - (sum - part)) + (b - part)
      #expect(FixedPoint(a) + FixedPoint(b) == FixedPoint(sum) + FixedPoint(error))
      #expect(FixedPoint(sum) - FixedPoint(b) + FixedPoint(error) == FixedPoint(a))
      #expect((FixedPoint(a) < FixedPoint(b)) == (a < b))
      #expect((FixedPoint(a) == FixedPoint(b)) == (a == b))
    }
  }

  @Test("a product is binary64's and its rounding error, which the processor's fma has exactly")
  func products() {
    for (a, b) in Self.pairs {
      let product = a * b
      let error = (-product).addingProduct(a, b)
      #expect(FixedPoint(a) * b == FixedPoint(product) + FixedPoint(error))
    }
  }

  @Test("chains of products and sums are exact: polynomials with integer coefficients")
  func chains() {
    for (a, b) in Self.pairs where abs(a) < 1024 && abs(b) < 1024 {
      // (a + b)³ by the binomial theorem; every product of three is a multiple of the unit.
      let sum = FixedPoint(a) + FixedPoint(b)
      let square = sum * a + sum * b
      let expanded =
        FixedPoint(a) * a * a + FixedPoint(a) * a * b * 3 + FixedPoint(a) * b * b * 3
        + FixedPoint(b) * b * b
      // The smallest samples' cubes are not; each of ten products is cut by less than a unit, and
      // multiplied by less than 3·2¹⁰ after that.
      let cut = (square * a + square * b - expanded).magnitudeUpperBound
      #expect(cut < 0x1p16 * FixedPoint.unit)
      if min(abs(a), abs(b)) > 0x1p-64 { #expect(cut == 0) }
    }
  }

  @Test("a quotient times the divisor lacks less than a unit of the dividend, a divisor's worth")
  func quotients() {
    for (a, b) in Self.pairs where b != 0 && abs(b) > 0x1p-90 && abs(a / b) < 0x1p60 {
      let quotient = FixedPoint(a) / b
      let back = quotient * b
      // The product is cut, too.
      let lack = (FixedPoint(a) - back).magnitudeUpperBound
      #expect(lack <= (abs(b) + 1) * FixedPoint.unit)
      #expect(back.magnitude <= FixedPoint(a).magnitude)
      #expect(abs(quotient.distance(to: a / b)) <= (a / b).ulp / 2 + FixedPoint.unit)
    }
    #expect(FixedPoint(1) / 3 * 3 == FixedPoint(1) - FixedPoint(FixedPoint.unit))
    #expect(FixedPoint(-7) / 8 == FixedPoint(-0.875))
  }

  @Test("what is cut is less than a unit, towards zero")
  func cut() {
    let unit = FixedPoint(FixedPoint.unit)
    #expect(unit * 0.75 == FixedPoint(0))
    #expect(-unit * 1.75 == -unit)
    #expect(FixedPoint(0x1p-400) * 0x1p-48 == unit)
    #expect(unit * 0x1p510 == FixedPoint(0x1p62))
  }

  @Test("the magnitude in binary64 is never below, and at most one unit in the last place above")
  func magnitudes() {
    for (a, b) in Self.pairs {
      let value = FixedPoint(a) + FixedPoint(b) * 0x1p-70
      let bound = value.magnitudeUpperBound
      #expect(FixedPoint(bound) >= value.magnitude)
      #expect(bound == 0 || FixedPoint(bound.nextDown) < value.magnitude)
    }
    #expect(FixedPoint(FixedPoint.unit).magnitudeUpperBound == FixedPoint.unit)
    #expect(FixedPoint(-0x1p62).magnitudeUpperBound == 0x1p62)
  }
}
