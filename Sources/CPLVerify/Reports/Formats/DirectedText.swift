// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// Numbers as decimal text on one side of them: how a person reads a radius (`Rounding.down`), an upper
/// bound (`Rounding.up`) or a lower bound (`Rounding.down`). To the nearest decimal, half of all radii
/// would be shown longer than they are.
extension Rounding {
  /// How many significant digits tell any binary64 number from its neighbours when the text is rounded
  /// to one side: two numbers differ by more than 2⁻⁵⁴ of either, the text and its number by less than
  /// 10⁻¹⁷ of it, so that the text reads back as the same number.
  package static let exactDigits = 18

  /// How wide a text of so many significant digits can be: "-1.23456e-308".
  package static func textWidth(digits: Int) -> Int { digits + 7 }

  /// The decimal number of at most `digits` significant digits that is nearest to `value` on this side;
  /// trailing zeros are left out, and numbers below 10⁻⁴ and from 10^digits on have an exponent, as in
  /// C's `%g`. "–" for nil and NaN, "∞" and "−∞" for infinities.
  ///
  /// *Postcondition.* As real numbers, text ≤ value for `down` and text ≥ value for `up`; a number that
  /// `digits` digits can write is written as it is. *Proof.* 767 significant digits write every binary64
  /// number exactly (C's `%.766e` does). Cutting that text off rounds its magnitude down; where a digit
  /// that was cut off is not 0 and the side asked for is the other one, one unit is added.
  package func text(_ value: Double?, digits: Int) -> String {
    precondition(digits >= 1, "a number has a digit")
    guard let value, !value.isNaN else { return "–" }
    if value.isInfinite { return value < 0 ? "−∞" : "∞" }
    if value == 0 { return "0" }
    var (decimals, exponent) = Self.decimals(of: value.magnitude)
    let isLonger = decimals.dropFirst(digits).contains { $0 != 0 }
    decimals = Array(decimals.prefix(digits))
    if isLonger, (self == .up) == (value > 0) {
      var place = decimals.count - 1
      while place >= 0, decimals[place] == 9 { (decimals[place], place) = (0, place - 1) }
      if place >= 0 {
        decimals[place] += 1
      } else {
        (decimals, exponent) = ([1], exponent + 1)
      }
    }
    while decimals.count > 1, decimals.last == 0 { decimals.removeLast() }
    return (value < 0 ? "-" : "")
      + Self.layout(decimals.map { "\($0)" }, exponent: exponent, digits: digits)
  }

  /// The same of a binary32 number, which is a binary64 number as it is.
  package func text(_ value: Float?, digits: Int) -> String {
    text(value.map { Double($0) }, digits: digits)
  }

  /// All significant digits of a positive number, and the power of ten of the first one.
  private static func decimals(of value: Double) -> (decimals: [Int], exponent: Int) {
    var buffer = [CChar](repeating: 0, count: 800)
    let length = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.766e", $0) }
    let text = String(decoding: buffer.prefix(Int(length)).map { UInt8($0) }, as: UTF8.self)
    let parts = text.split(separator: "e")
    return (parts[0].compactMap(\.wholeNumberValue), Int(parts[1]) ?? 0)
  }

  private static func layout(_ decimals: [String], exponent: Int, digits: Int) -> String {
    if exponent < -4 || exponent >= digits {
      let fraction = decimals.dropFirst().joined()
      let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
      return decimals[0] + (fraction.isEmpty ? "" : "." + fraction)
        + "e\(exponent < 0 ? "-" : "+")\(power)"
    }
    if exponent < 0 {
      return "0." + String(repeating: "0", count: -exponent - 1) + decimals.joined()
    }
    let whole = decimals.prefix(exponent + 1).joined()
    let zeros = String(repeating: "0", count: max(0, exponent + 1 - decimals.count))
    let fraction = decimals.dropFirst(exponent + 1).joined()
    return whole + zeros + (fraction.isEmpty ? "" : "." + fraction)
  }
}
