// SPDX-License-Identifier: Apache-2.0

/// Comparisons of binary64 numbers and their products without rounding, in 128-bit integers.
enum Exact {
  /// The sign of x·y − z, for finite numbers: −1, 0 or 1.
  static func signOfProduct(_ x: Double, _ y: Double, minus z: Double) -> Int {
    let sign = { (value: Double) in value == 0 ? 0 : value < 0 ? -1 : 1 }
    let productSign = sign(x) * sign(y)
    guard productSign == sign(z), productSign != 0 else { return (productSign - sign(z)).signum() }
    let (xInteger, xExponent) = integer(x)
    let (yInteger, yExponent) = integer(y)
    let (zInteger, zExponent) = integer(z)
    let product = UInt128(xInteger) * UInt128(yInteger)
    let productExponent = xExponent + yExponent
    // The place of the first bit decides; where it is the same, all bits aligned to it do.
    let productZeros = product.leadingZeroBitCount
    let zZeros = UInt128(zInteger).leadingZeroBitCount
    let place = productExponent - productZeros
    let zPlace = zExponent - zZeros
    if place != zPlace { return productSign * (place < zPlace ? -1 : 1) }
    let aligned = product << productZeros
    let zAligned = UInt128(zInteger) << zZeros
    return productSign * (aligned == zAligned ? 0 : aligned < zAligned ? -1 : 1)
  }

  /// The sign of a + b − s, for numbers whose exponents lie within 60 of each other, or zero.
  static func signOfSum(_ a: Double, _ b: Double, minus s: Double) -> Int {
    let terms = [(a, 1), (b, 1), (s, -1)].filter { $0.0 != 0 }
    let lowest = terms.map { integer($0.0).exponent }.min() ?? 0
    var total: Int128 = 0
    for (value, factor) in terms {
      let (significand, exponent) = integer(value)
      let shifted = Int128(significand) << (exponent - lowest)
      total += (value < 0 ? -shifted : shifted) * Int128(factor)
    }
    return Int(total.signum())
  }

  /// |value| = integer · 2^exponent.
  private static func integer(_ value: Double) -> (integer: UInt64, exponent: Int) {
    value.isSubnormal || value == 0
      ? (value.significandBitPattern, -1074)
      : (value.significandBitPattern | 1 << 52, Int(value.exponent) - 52)
  }
}
