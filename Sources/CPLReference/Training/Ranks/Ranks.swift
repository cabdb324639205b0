// SPDX-License-Identifier: Apache-2.0

/// The processes that train one network together, or the one that does so alone.
///
/// All ranks make the same calls in the same order. Between two ranks messages keep their order.
package protocol Ranks: Sendable {
  /// This process's number, from 0.
  var rank: Int { get }

  /// How many there are.
  var count: Int { get }

  /// How many of them are on this machine.
  var countOnMachine: Int { get }

  /// Sends messages to others while `body` runs, which receives what others send.
  func send<Result>(
    _ messages: [(bytes: UnsafeRawBufferPointer, to: Int)], while body: () throws -> Result
  ) rethrows -> Result

  /// Receives a message of just so many bytes.
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int)

  /// The bytes of every rank, however many, in the order of ranks.
  func gather(_ bytes: [UInt8]) -> [[UInt8]]
}

extension Ranks {
  /// Whether it is so on any rank.
  package func any(_ isSo: Bool) -> Bool {
    count > 1 ? gather([isSo ? 1 : 0]).contains([1]) : isSo
  }

  /// Rank 0's number.
  package func ofFirst(_ number: UInt64) -> UInt64 {
    guard count > 1 else { return number }
    return gather(withUnsafeBytes(of: number) { Array($0) })[0].withUnsafeBytes {
      $0.loadUnaligned(as: UInt64.self)
    }
  }

  /// The sum of every rank's count.
  func sum(_ count: Int) -> Int {
    guard self.count > 1 else { return count }
    return gather(withUnsafeBytes(of: Int64(count)) { Array($0) }).reduce(0) { sum, bytes in
      sum + Int(bytes.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
    }
  }

  /// A rank's part of 0 ..< `total`, of equal parts in the order of ranks.
  func share(of total: Int, for rank: Int) -> Range<Int> {
    total * rank / count..<total * (rank + 1) / count
  }
}

/// The only rank there is.
package struct Alone: Ranks {
  package init() {}

  package var rank: Int { 0 }
  package var count: Int { 1 }
  package var countOnMachine: Int { 1 }

  package func send<Result>(
    _ messages: [(bytes: UnsafeRawBufferPointer, to: Int)], while body: () throws -> Result
  ) rethrows -> Result {
    try body()
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
    preconditionFailure("nobody sends anything")
  }

  package func gather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
}
