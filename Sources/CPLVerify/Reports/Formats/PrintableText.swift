// SPDX-License-Identifier: Apache-2.0

import Foundation

extension StringProtocol {
  /// The text without white space at its ends.
  package var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

extension String {
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
}
