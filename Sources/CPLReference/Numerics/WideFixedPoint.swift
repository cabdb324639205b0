// SPDX-License-Identifier: Apache-2.0

/// Numbers k·2⁻⁸⁰ with k of 128 bits, for evaluations that are to be a million million times sharper than binary64's.
///
/// A number of binary64, and the product with one of binary32, are cut to a multiple of the unit: each errs by less than
/// one unit. Sums and differences are exact, whatever their order. Nothing overflows as long as a factor is *small*, less
/// than 2²⁰ in magnitude, and a sum has magnitudes of less than 2⁴⁶ in total.
package enum WideFixedPoint {
  private static let fractionBits = 80
  /// What a conversion or a product errs by at most.
  package static let unit = 0x1p-80

  /// The number nearest to the value on the side of −∞; nil unless it is small.
  package static func cut(_ value: Double) -> Int128? {
    guard value.magnitude < 0x1p20 else { return nil }
    return Int128((value * 0x1p80).rounded(.down))
  }

  /// All of them; nil unless all are small.
  package static func cut(_ values: ArraySlice<Double>) -> [Int128]? {
    var numbers: [Int128] = []
    numbers.reserveCapacity(values.count)
    for value in values {
      guard let number = cut(value) else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// Whether products with it do not overflow.
  package static func isSmall(_ number: Int128) -> Bool {
    number.magnitude < 1 << UInt128(fractionBits + 20)
  }

  /// |number|, rounded up.
  package static func magnitudeUpperBound(_ number: Int128) -> Double {
    // A conversion rounds once, to nearest.
    number == 0 ? 0 : Double(number.magnitude).nextUp * unit
  }

  /// A number of binary32 as an integer of 24 bits, shifted to the right.
  package struct Factor {
    private let integer: Int128
    private let shift: Int128

    /// nil unless it is a small number of binary32.
    package init?(_ number: Double) {
      let value = Float(number)
      guard Double(value) == number, value.magnitude < 0x1p20 else { return nil }
      // 2²³·value/2^exponent is an integer, of subnormal numbers with the least exponent.
      let exponent = Int(
        Swift.max(value == 0 ? 0 : value.exponent, Float.leastNormalMagnitude.exponent))
      integer = Int128(Double(value) * Double(sign: .plus, exponent: 23 - exponent, significand: 1))
      // Of a product, which is below 2¹²⁴, the sign alone is left by either of two longer shifts.
      shift = Int128(Swift.min(23 - exponent, 127))
    }

    /// The product with a small number.
    package func callAsFunction(_ number: Int128) -> Int128 { (number &* integer) &>> shift }
  }

  /// target[i] += factor·source[i].
  package static func add(
    _ count: Int, _ factor: Factor, _ source: UnsafePointer<Int128>,
    to target: UnsafeMutablePointer<Int128>
  ) {
    for index in 0..<count { target[index] &+= factor(source[index]) }
  }
}
