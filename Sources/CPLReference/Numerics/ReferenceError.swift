// SPDX-License-Identifier: Apache-2.0

/// What can go wrong between a file, a flag or a data set and the reference implementation.
///
/// Every message says what was expected, what was found, and where.
public enum ReferenceError: Error, Codable, Equatable, Sendable {
  /// A file or folder that has to be read is not there.
  case missing(path: String)
  /// A file holds something else than it should; `location` narrows it down ("byte 3073",
  /// "key 'model.channels'", "/parameters/convolution.0/kernel") and may be empty.
  case invalid(path: String, location: String, expected: String, found: String)
  /// An output cannot be created.
  case cannotCreate(path: String, reason: String)
  /// Reading or writing failed half-way (a full disk, a vanished medium).
  case inputOutput(path: String, reason: String)
  /// Values that do not fit together, none of which comes from one file alone.
  case mismatch(expected: String, found: String)
  /// Training met a value that is not finite.
  case nonFinite(quantity: String, step: Int, layer: String)
}

extension ReferenceError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path):
      "\(path): no such file or folder"
    case .invalid(let path, let location, let expected, let found):
      "\(path): \(location.isEmpty ? "" : location + ": ")expected \(expected), found \(found)"
    case .cannotCreate(let path, let reason):
      "\(path): cannot create: \(reason)"
    case .inputOutput(let path, let reason):
      "\(path): input/output failed: \(reason)"
    case .mismatch(let expected, let found):
      "expected \(expected), found \(found)"
    case .nonFinite(let quantity, let step, let layer):
      "step \(step): \(quantity) is not finite; it first appears in layer \(layer)"
    }
  }
}
