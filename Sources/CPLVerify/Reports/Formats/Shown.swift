// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// Numbers as people read them.
package enum Shown {
  package static let missing = "missing"
  package static let none = "–"

  package static func percent(_ share: Double?) -> String {
    guard let share, share.isFinite else { return none }
    return "\(fixed(share * 100)) %"
  }

  /// A share on an axis, with no more decimals than it needs.
  package static func wholePercent(_ share: Double) -> String {
    "\(number(share * 100, digits: 4)) %"
  }

  /// A difference of shares, in percentage points.
  package static func points(_ share: Double?, minus other: Double) -> String {
    guard let share, share.isFinite, other.isFinite else { return none }
    return points(share - other)
  }

  package static func points(_ difference: Double) -> String {
    let sign = difference < 0 ? "−" : "+"
    return sign + fixed(abs(difference) * 100)
  }

  package static func commit(_ commit: String?) -> String {
    commit.map { $0.prefix(12) + ($0.hasSuffix("-dirty") ? "-dirty" : "") } ?? missing
  }

  package static func digest(_ digest: String?) -> String {
    digest.map { "\($0.prefix(16))…" } ?? missing
  }

  /// A number of things, its digits in groups of three.
  package static func count(_ count: Int) -> String {
    let digits = String(count)
    return digits.enumerated().map { position, digit in
      position > 0 && (digits.count - position).isMultiple(of: 3) ? ",\(digit)" : "\(digit)"
    }.joined()
  }

  /// A class by its name, or by its number where it has none.
  package static func className(_ label: Int, _ names: [String]?) -> String {
    names.flatMap { $0.indices.contains(label) ? $0[label] : nil } ?? "class \(label)"
  }

  /// Two decimals.
  package static func fixed(_ value: Double) -> String { String(format: "%.2f", value) }

  package static func number(_ value: Double?, digits: Int = 9) -> String {
    guard let value, !value.isNaN else { return none }
    if value.isInfinite { return value < 0 ? "−∞" : "∞" }
    return String(format: "%.\(digits)g", value)
  }

  /// A proved upper bound, or a distance that is compared with a radius, rounded up; with all digits it
  /// reads back as the same number.
  package static func upper(_ value: Double?, digits: Int = Rounding.exactDigits) -> String {
    Rounding.up.text(value, digits: digits)
  }

  /// A proved upper bound of a number that is about 1, which may exceed 1 by rounding alone: "1 + 2.3e-16".
  package static func nearOne(_ value: Double?, digits: Int = 9) -> String {
    guard let value, value > 1, value < 1 + 1e-6 else { return upper(value, digits: digits) }
    // Exact: both are within a factor of two.
    return "1 + \(upper(value - 1, digits: 2))"
  }

  /// A proved lower bound or a radius, rounded down; with all digits it reads back as the same number.
  package static func lower(_ value: Double?, digits: Int = Rounding.exactDigits) -> String {
    Rounding.down.text(value, digits: digits)
  }

  /// A radius or distance of a statistic.
  package static func pixels(_ value: Double?) -> String { number(value, digits: 6) }

  package static func seconds(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e12 else { return none }
    if seconds < 120 { return String(format: "%.1f s", seconds) }
    return String(format: "%.0f s (%.2f h)", seconds, seconds / 3600)
  }

  package static func bytes(_ bytes: Int) -> String {
    String(format: "%.1f GiB", Double(bytes) / 0x1p30)
  }
}
