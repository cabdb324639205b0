// SPDX-License-Identifier: Apache-2.0

/// What can go wrong between stored weights and a verified statement about them.
///
/// Every message says what was expected, what was found, and where.
public enum VerificationError: Error, Equatable, Sendable {
  /// A number that a proof needs is NaN or infinite; `location` names the first such place
  /// ("row 3, column 7").
  case notFinite(what: String, location: String)
  /// A value that no statement can be made about, such as a kernel of even size.
  case invalid(what: String, expected: String, found: String)
  /// The proof of an enclosure did not go through; nothing may be concluded about `what`.
  case enclosureNotFound(what: String, reason: String)
}

extension VerificationError: CustomStringConvertible {
  /// The message: what was expected, what was found, and where.
  public var description: String {
    switch self {
    case .notFinite(let what, let location):
      "\(what): expected finite numbers, found one that is not, first at \(location)"
    case .invalid(let what, let expected, let found):
      "\(what): expected \(expected), found \(found)"
    case .enclosureNotFound(let what, let reason):
      "\(what): no verified enclosure was found: \(reason)"
    }
  }
}
