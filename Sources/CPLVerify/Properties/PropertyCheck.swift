// SPDX-License-Identifier: Apache-2.0

import CPLFindings

/// A statement of the theory, or of this program, that is put to the test.
///
/// A check is one type in the file of its family and one line in the family's list. It goes through
/// the code that production goes through, with the components that its context holds, so that a fault
/// planted in one of them is met.
public protocol PropertyCheck: Sendable {
  /// The name in flags and files: family, dot, statement, such as "cpl.nonexpansive".
  var id: String { get }

  /// What is claimed, in one line.
  var statement: String { get }

  /// The theorem, section or page that the claim comes from.
  var source: String { get }

  /// Whether the claim speaks of the network, the data or the components of the context. A check of
  /// mathematics alone takes nothing from it but seed and effort.
  var concernsNetwork: Bool { get }

  /// Puts the statement to the test, and in the same call the positive control: a deliberately wrong
  /// variant that must come out violated.
  ///
  /// Everything random comes from `context.random(for: id, …)`.
  ///
  /// - Throws: `NotApplicable` when the context lacks what the check needs; `Inconclusive`,
  ///   `VerificationError` and `ReferenceError` make the check inconclusive, with their message as
  ///   the reason.
  func run(_ context: CheckContext) throws -> Findings
}

extension PropertyCheck {
  package var concernsNetwork: Bool { true }
}

/// The context lacks what a check needs, such as data.
package struct NotApplicable: Error, Sendable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// The context has what a check needs, and it decides nothing.
package struct Inconclusive: Error, Sendable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}
