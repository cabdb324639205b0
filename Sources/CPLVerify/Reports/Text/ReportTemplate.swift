// SPDX-License-Identifier: Apache-2.0

import CPLReports
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
