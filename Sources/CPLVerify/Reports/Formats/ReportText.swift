// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Mustache

/// Text for HTML and XML.
private struct MarkupContent: MustacheContentType {
  func escapeText(_ text: String) -> String { text.markup }
}

/// Text on one line of Markdown, in a table or outside.
private struct MarkdownContent: MustacheContentType {
  func escapeText(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.printable.unicodeScalars {
      if scalar == "\n" || scalar == "\t" {
        escaped.append(" ")
        continue
      }
      if "\\`*_{}[]<>#|~&!$".unicodeScalars.contains(scalar) { escaped.append("\\") }
      escaped.append(scalar)
    }
    return String(escaped)
  }
}

/// Templates and the rules by which they escape what is put into them.
package enum ReportTemplate {
  /// The names by which templates choose a rule, in `{{% CONTENT_TYPE:…}}`.
  private static let registered: Void = {
    MustacheContentTypes.register(MarkupContent(), named: "CPL-MARKUP")
    MustacheContentTypes.register(MarkdownContent(), named: "CPL-MARKDOWN")
  }()

  package static func render(_ view: Any, with template: String) throws -> String {
    registered
    return try MustacheTemplate(string: template).render(view)
  }
}

extension StringProtocol {
  /// The text without white space at its ends.
  package var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

extension String {
  /// The text for HTML and XML. Unlike Mustache's own rule it looks at Unicode scalars, so that a "<"
  /// with a combining mark is escaped too, and it leaves out what XML 1.0 cannot hold.
  var markup: String {
    var escaped = String.UnicodeScalarView()
    for scalar in printable.unicodeScalars {
      switch scalar {
      case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
      case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
      case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
      case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
      case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }

  /// The text without control characters, line feeds and tabs excepted, and without what is no
  /// character; lines end in a line feed.
  package var printable: String {
    var view = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      switch scalar.value {
      case 0x09, 0x0A, 0x20...0x7E, 0xA0...0xFFFD, 0x10000...0x10FFFF: view.append(scalar)
      default: break
      }
    }
    return String(view)
  }

  /// A fence that no line of the text can be taken for.
  package var codeFence: String {
    var (run, longest) = (0, 2)
    for scalar in unicodeScalars {
      run = scalar == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    return String(repeating: "`", count: longest + 1)
  }
}

/// Numbers as people read them.
package enum Shown {
  static let missing = "missing"
  package static let none = "–"

  package static func percent(_ share: Double?) -> String {
    guard let share, share.isFinite else { return none }
    return "\(fixed(share * 100)) %"
  }

  /// A share on an axis, with no more decimals than it needs.
  static func wholePercent(_ share: Double) -> String { "\(number(share * 100, digits: 4)) %" }

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
  static func className(_ label: Int, _ names: [String]?) -> String {
    names.flatMap { $0.indices.contains(label) ? $0[label] : nil } ?? "class \(label)"
  }

  /// Two decimals.
  static func fixed(_ value: Double) -> String { String(format: "%.2f", value) }

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
  static func nearOne(_ value: Double?, digits: Int = 9) -> String {
    guard let value, value > 1, value < 1 + 1e-6 else { return upper(value, digits: digits) }
    // Exact: both are within a factor of two.
    return "1 + \(upper(value - 1, digits: 2))"
  }

  /// A proved lower bound or a radius, rounded down; with all digits it reads back as the same number.
  static func lower(_ value: Double?, digits: Int = Rounding.exactDigits) -> String {
    Rounding.down.text(value, digits: digits)
  }

  /// A radius or distance of a statistic.
  static func pixels(_ value: Double?) -> String { number(value, digits: 6) }

  static func seconds(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e12 else { return none }
    if seconds < 120 { return String(format: "%.1f s", seconds) }
    return String(format: "%.0f s (%.2f h)", seconds, seconds / 3600)
  }

  package static func bytes(_ bytes: Int) -> String {
    String(format: "%.1f GiB", Double(bytes) / 0x1p30)
  }
}
