// SPDX-License-Identifier: Apache-2.0

/// What is asked for cannot be: not a matter of any file, but of what was said.
package struct UsageError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
