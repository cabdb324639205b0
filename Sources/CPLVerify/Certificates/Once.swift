// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that is made when it is first asked for, and only then.
final class Once<Value: Sendable>: Sendable {
  private let value: Mutex<Value?>

  /// - Parameter value: the value, where it is known already.
  init(_ value: Value? = nil) { self.value = Mutex(value) }

  /// The value, if it has been made.
  var made: Value? { value.withLock(\.self) }

  func callAsFunction<Failure: Error>(
    _ make: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try value.withLock { value throws(Failure) in
      if let value { return value }
      let made = try make()
      value = made
      return made
    }
  }
}
