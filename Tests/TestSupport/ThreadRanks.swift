// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// Ranks that are threads of one process.
package struct ThreadRanks: Ranks {
  package let rank: Int
  package let count: Int
  private let post: Post

  package var countOnMachine: Int { count }

  /// `body` on each of so many ranks, at once; what they return, in order.
  package static func run<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (ThreadRanks) -> Result
  ) -> [Result] {
    let post = Post()
    nonisolated(unsafe) var results = [Result?](repeating: nil, count: count)
    let lock = NSLock()
    let threads = DispatchGroup()
    for rank in 0..<count {
      threads.enter()
      Thread.detachNewThread {
        let result = body(ThreadRanks(rank: rank, count: count, post: post))
        lock.withLock { results[rank] = result }
        threads.leave()
      }
    }
    threads.wait()
    return results.map { $0! }
  }

  package func send<Result>(
    _ messages: [(bytes: UnsafeRawBufferPointer, to: Int)], while body: () throws -> Result
  ) rethrows -> Result {
    for message in messages where !message.bytes.isEmpty {
      post.send(Array(message.bytes), from: rank, to: message.to)
    }
    return try body()
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
    guard !bytes.isEmpty else { return }
    let message = post.receive(from: rank, to: self.rank)
    precondition(message.count == bytes.count, "a message of \(bytes.count) bytes")
    bytes.copyBytes(from: message)
  }

  package func gather(_ bytes: [UInt8]) -> [[UInt8]] {
    for other in 0..<count { post.send(bytes, from: rank, to: other) }
    return (0..<count).map { post.receive(from: $0, to: rank) }
  }

  /// Messages that have not been received, in the order in which they were sent.
  private final class Post: @unchecked Sendable {
    private let condition = NSCondition()
    private var messages: [[Int]: [[UInt8]]] = [:]

    func send(_ bytes: [UInt8], from sender: Int, to receiver: Int) {
      condition.lock()
      messages[[sender, receiver], default: []].append(bytes)
      condition.broadcast()
      condition.unlock()
    }

    func receive(from sender: Int, to receiver: Int) -> [UInt8] {
      condition.lock()
      defer { condition.unlock() }
      while messages[[sender, receiver]]?.isEmpty ?? true { condition.wait() }
      return messages[[sender, receiver]]!.removeFirst()
    }
  }
}
