// SPDX-License-Identifier: Apache-2.0

/// A number k·2⁻⁴⁴⁸ with |k| < 2⁵¹¹, an integer in two's complement: more than 200 correct bits of
/// everything above 2⁻²⁴⁸.
///
/// Numbers of binary64, sums, differences and comparisons are exact. A product with or a quotient by
/// a number of binary64 is cut to a multiple of the unit, and so errs by less than 2⁻⁴⁴⁸, whatever
/// its size; one that is such a multiple is exact. Numbers that do not fit end the tests.
struct FixedPoint: Comparable {
  private static let fractionBits = 448
  /// More than a product or a quotient errs by.
  static let unit = 0x1p-448

  /// k, the lowest limb first.
  private var limbs: InlineArray<8, UInt64>

  /// The value itself.
  ///
  /// - Precondition: a multiple of the unit below 2⁶³ in magnitude.
  init(_ value: Double) {
    limbs = InlineArray(repeating: 0)
    guard value != 0 else { return }
    let (significand, exponent) = Self.integer(value)
    let place = Self.fractionBits + exponent
    precondition(
      place >= 0 && place + significand.bitWidth - significand.leadingZeroBitCount < 512,
      "\(value) is no number of the fixed format")
    limbs[place / 64] = significand << UInt64(place % 64)
    if place % 64 > 0, place / 64 < 7 {
      limbs[place / 64 + 1] = significand >> UInt64(64 - place % 64)
    }
    if value < 0 { self = -self }
  }

  private var isNegative: Bool { limbs[7] >> 63 == 1 }

  static func + (a: FixedPoint, b: FixedPoint) -> FixedPoint {
    var sum = a
    var carry = false
    for index in 0..<8 {
      let (partial, first) = a.limbs[index].addingReportingOverflow(b.limbs[index])
      let (limb, second) = partial.addingReportingOverflow(carry ? 1 : 0)
      sum.limbs[index] = limb
      carry = first || second
    }
    precondition(
      a.isNegative != b.isNegative || sum.isNegative == a.isNegative, "a sum that overflows")
    return sum
  }

  static prefix func - (a: FixedPoint) -> FixedPoint {
    var result = a
    var carry = true
    for index in 0..<8 {
      let (limb, overflow) = (~a.limbs[index]).addingReportingOverflow(carry ? 1 : 0)
      result.limbs[index] = limb
      carry = overflow
    }
    return result
  }

  static func - (a: FixedPoint, b: FixedPoint) -> FixedPoint { a + -b }

  /// Schoolbook multiplication of |k| by the factor's significand, then a shift by its exponent.
  static func * (a: FixedPoint, b: Double) -> FixedPoint {
    guard b != 0 else { return FixedPoint(0) }
    let (significand, exponent) = integer(b)
    let magnitude = a.magnitude
    var product = Wide(repeating: 0)
    var carry: UInt64 = 0
    for index in 0..<8 {
      let (high, low) = magnitude.limbs[index].multipliedFullWidth(by: significand)
      let (limb, overflow) = low.addingReportingOverflow(carry)
      product[index] = limb
      carry = high &+ (overflow ? 1 : 0)
    }
    product[8] = carry
    return FixedPoint(product, shifted: exponent, isNegative: a.isNegative != (b < 0))
  }

  /// Long division of |k|, shifted by the divisor's exponent, by the divisor's significand.
  static func / (a: FixedPoint, b: Double) -> FixedPoint {
    precondition(b != 0, "a division by zero")
    let (significand, exponent) = integer(b)
    var quotient = Wide(repeating: 0)
    let magnitude = a.magnitude
    for index in 0..<8 { quotient[index] = magnitude.limbs[index] }
    if exponent < 0 { shift(&quotient, by: -exponent) }
    var remainder: UInt64 = 0
    for index in (0..<quotient.count).reversed() {
      (quotient[index], remainder) = significand.dividingFullWidth((remainder, quotient[index]))
    }
    return FixedPoint(
      quotient, shifted: min(0, -exponent), isNegative: a.isNegative != (b < 0))
  }

  /// Schoolbook multiplication, cut to a multiple of the unit.
  static func * (a: FixedPoint, b: FixedPoint) -> FixedPoint {
    let (first, second) = (a.magnitude, b.magnitude)
    var product = InlineArray<16, UInt64>(repeating: 0)
    for i in 0..<8 {
      var carry: UInt64 = 0
      for j in 0..<8 {
        let (high, low) = first.limbs[i].multipliedFullWidth(by: second.limbs[j])
        let (partial, one) = product[i + j].addingReportingOverflow(low)
        let (limb, other) = partial.addingReportingOverflow(carry)
        product[i + j] = limb
        carry = high &+ (one ? 1 : 0) &+ (other ? 1 : 0)
      }
      product[i + 8] = carry
    }
    // The 448 bits of the fraction are seven limbs.
    precondition(product[15] == 0 && product[14] >> 63 == 0, "a product that overflows")
    var result = FixedPoint(0)
    for index in 0..<8 { result.limbs[index] = product[index + 7] }
    return a.isNegative != b.isNegative ? -result : result
  }

  /// 1/self, by Newton's method from binary64's: more than 200 bits of one between 2⁻¹⁰⁰ and 2⁶⁰.
  var reciprocal: FixedPoint {
    var result = FixedPoint(1 / (isNegative ? -magnitudeUpperBound : magnitudeUpperBound))
    for _ in 0..<4 { result = result * (FixedPoint(2) - self * result) }
    return result
  }

  /// The square root, by Newton's method for its reciprocal, as precise.
  var squareRoot: FixedPoint {
    guard self > FixedPoint(0) else { return FixedPoint(0) }
    var reciprocal = FixedPoint(1 / magnitudeUpperBound.squareRoot())
    for _ in 0..<4 {
      reciprocal = reciprocal * (FixedPoint(3) - self * reciprocal * reciprocal) * 0.5
    }
    return self * reciprocal
  }

  static func < (a: FixedPoint, b: FixedPoint) -> Bool { (a - b).isNegative }

  static func == (a: FixedPoint, b: FixedPoint) -> Bool {
    (0..<8).allSatisfy { a.limbs[$0] == b.limbs[$0] }
  }

  var magnitude: FixedPoint { isNegative ? -self : self }

  /// |self|, rounded up to binary64.
  var magnitudeUpperBound: Double {
    let magnitude = magnitude
    guard let top = (0..<8).last(where: { magnitude.limbs[$0] != 0 }) else { return 0 }
    var place = 64 * top - Self.fractionBits
    var significand = magnitude.limbs[top]
    var rest = magnitude.limbs
    rest[top] = 0
    // The 53 first bits, of two limbs.
    let zeros = significand.leadingZeroBitCount
    significand <<= UInt64(zeros)
    place -= zeros
    if zeros > 0, top > 0 {
      significand |= rest[top - 1] >> UInt64(64 - zeros)
      rest[top - 1] <<= UInt64(zeros)
    }
    let isExact =
      significand.trailingZeroBitCount >= 11 && (0..<top).allSatisfy { rest[$0] == 0 }
    significand = (significand >> 11) + (isExact ? 0 : 1)
    return Double(sign: .plus, exponent: place + 11, significand: Double(significand))
  }

  /// |self − value|, rounded up.
  func distance(to value: Double) -> Double { (self - FixedPoint(value)).magnitudeUpperBound }

  // MARK: - Ten limbs, in which products and dividends fit

  private typealias Wide = InlineArray<10, UInt64>

  /// ±⌊wide·2^exponent⌋.
  private init(_ wide: Wide, shifted exponent: Int, isNegative: Bool) {
    var wide = wide
    if exponent >= 0 {
      Self.shift(&wide, by: exponent)
    } else {
      let (whole, bits) = (-exponent).quotientAndRemainder(dividingBy: 64)
      for index in 0..<wide.count {
        let low = index + whole < wide.count ? wide[index + whole] : 0
        let high = index + whole + 1 < wide.count ? wide[index + whole + 1] : 0
        wide[index] = bits == 0 ? low : low >> UInt64(bits) | high << UInt64(64 - bits)
      }
    }
    precondition(wide[8] | wide[9] == 0 && wide[7] >> 63 == 0, "a result that overflows")
    limbs = InlineArray { wide[$0] }
    if isNegative { self = -self }
  }

  /// wide ← wide·2^count.
  private static func shift(_ wide: inout Wide, by count: Int) {
    let (whole, bits) = count.quotientAndRemainder(dividingBy: 64)
    let fits = (0..<wide.count).allSatisfy { index in
      index + whole + (bits == 0 ? 0 : 1) < wide.count || wide[index] == 0
    }
    precondition(fits, "a result that overflows")
    for index in (0..<wide.count).reversed() {
      let high = index >= whole ? wide[index - whole] : 0
      let low = index > whole ? wide[index - whole - 1] : 0
      wide[index] = bits == 0 ? high : high << UInt64(bits) | low >> UInt64(64 - bits)
    }
  }

  /// |value| = significand · 2^exponent with an odd significand, for a finite value other than 0.
  private static func integer(_ value: Double) -> (significand: UInt64, exponent: Int) {
    precondition(value.isFinite, "no number")
    let pattern = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
    let exponent = value.isNormal ? Int(value.exponent) - 52 : -1074
    let zeros = pattern.trailingZeroBitCount
    return (pattern >> UInt64(zeros), exponent + zeros)
  }
}
