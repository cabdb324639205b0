// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// A number of threads that share out pieces of work.
///
/// What a piece computes must depend on its number alone; then results do not depend on how many
/// threads there are. Pieces are handed out in order, one at a time.
public struct Workers: Sendable {
  /// The number of threads, at least one.
  public let threads: Int

  /// `threads` threads, the calling one among them.
  public init(threads: Int) { self.threads = max(1, threads) }

  /// The calling thread alone.
  public static let serial = Workers(threads: 1)

  /// Runs `body` once for each of 0 ..< `pieces` and returns when all are done.
  public func forEach(_ pieces: Int, _ body: @Sendable (Int) -> Void) {
    let crew = min(threads, pieces)
    guard crew > 1 else {
      ThreadArithmetic.note()
      for piece in 0..<pieces { body(piece) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: crew) { _ in
      ThreadArithmetic.note()
      while true {
        let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if piece >= pieces { return }
        body(piece)
      }
    }
  }

  /// Cuts 0 ..< `count` into pieces of at most `size` and runs `body` on each.
  public func forEachRange(
    of count: Int, by size: Int, _ body: @Sendable (_ piece: Int, _ range: Range<Int>) -> Void
  ) {
    forEach((count + size - 1) / size) { piece in
      body(piece, piece * size..<min(count, (piece + 1) * size))
    }
  }

  /// `body` of each of 0 ..< `count`, in order.
  public func map<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    [Result](unsafeUninitializedCapacity: count) { buffer, initialized in
      nonisolated(unsafe) let results = buffer
      forEach(count) { results.initializeElement(at: $0, to: body($0)) }
      initialized = count
    }
  }
}
