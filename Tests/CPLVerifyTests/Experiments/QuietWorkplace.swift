// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Synchronization

/// An observer that shows nothing, keeps what it is told, and may interrupt.
final class QuietObserver: WorkObserver {
  struct Interrupted: Error {}

  private let left: Mutex<Int?>
  private let kept = Mutex<[String]>([])

  /// - Parameter updates: after how many of them it asks the work to stop; nil for never.
  init(interruptingAfter updates: Int? = nil) { left = Mutex(updates) }

  var notes: [String] { kept.withLock(\.self) }
  var isInterrupted: Bool { left.withLock { $0 == 0 } }

  func begin() {}
  func update(_ progress: WorkProgress) {
    left.withLock { left in left = left.map { max(0, $0 - 1) } }
  }
  func note(_ text: String) { kept.withLock { $0.append(text) } }
  func finish() {}
  func checkInterruption() throws { if isInterrupted { throw Interrupted() } }
  func leaveIfInterrupted() {}
}

extension Workplace {
  /// A process of which nothing is known, on whose clock it is always the same time.
  static func quiet(_ observer: QuietObserver = QuietObserver(), memory: UInt64 = 1 << 40)
    -> Workplace
  {
    Workplace(
      workers: Workers(threads: 1), observer: observer,
      program: Program(number: "0", commit: "unknown", identity: { "tests" }),
      command: "cpl-verify tests",
      memory: memory, now: { .distantPast }, provenance: { Provenance() })
  }
}
