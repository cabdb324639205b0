// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// An error, and what to do about it.
package struct HintedError: Error, CustomStringConvertible {
  package let error: ReferenceError
  package let hint: String

  package init(error: ReferenceError, hint: String) {
    self.error = error
    self.hint = hint
  }

  package var description: String { "\(error) (\(hint))" }

  /// Results are not replaced unasked.
  package static func refusal(toReplace out: String) -> HintedError {
    HintedError(
      error: .cannotCreate(path: out, reason: "it exists already"),
      hint: "name another file, or replace it with --force")
  }
}
