// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import Synchronization

/// The arithmetic that proofs assume of every thread: rounding to nearest, and subnormal numbers as they
/// are. A thread has a mode of its own, which a library, a debugger or the thread that started it can have
/// set otherwise.
package struct ThreadArithmetic: OptionSet, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Results are rounded otherwise than to nearest.
  package static let rounding = ThreadArithmetic(rawValue: CPL_ARITHMETIC_ROUNDING.rawValue)
  /// Results below the normal range become 0.
  package static let flushing = ThreadArithmetic(rawValue: CPL_ARITHMETIC_FLUSHING.rawValue)
  /// Operands below the normal range count as 0.
  package static let ignoring = ThreadArithmetic(rawValue: CPL_ARITHMETIC_IGNORING.rawValue)

  /// What is wrong with the calling thread's arithmetic; empty for nothing.
  package static var deviations: ThreadArithmetic {
    ThreadArithmetic(rawValue: cpl_arithmetic_deviations())
  }

  /// What was wrong with any thread that `Workers` had at work.
  private static let noted = Atomic<UInt32>(0)

  /// Remembers what is wrong with the calling thread. It costs a few nanoseconds.
  static func note() {
    let deviations = cpl_arithmetic_deviations()
    if deviations != 0 { noted.bitwiseOr(deviations, ordering: .relaxed) }
  }

  /// Refuses results when the calling thread, or any that was at work so far, computes in another mode.
  ///
  /// - Throws: `ReferenceError.mismatch` saying which.
  package static func check() throws(ReferenceError) {
    try deviations.union(ThreadArithmetic(rawValue: noted.load(ordering: .relaxed))).refuse()
  }

  /// Refuses anything that is wrong.
  package func refuse() throws(ReferenceError) {
    guard !isEmpty else { return }
    let found = [
      (Self.rounding, "does not round to nearest"),
      (.flushing, "flushes small results to zero"), (.ignoring, "takes small operands for zero"),
    ].filter { contains($0.0) }.map(\.1)
    throw .mismatch(
      expected:
        "threads that compute as IEEE 754 has it by default, without which nothing is proved",
      found:
        "one that \(found.joined(separator: " and ")), a mode that a library which is loaded into "
        + "this process may have set")
  }
}
