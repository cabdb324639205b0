// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Synchronization
import Testing

@Suite("Workers")
struct WorkersTests {
  @Test("`map` gives every result once, in order", arguments: [1, 2, 3, 8], [0, 1, 2, 7, 100])
  func map(threads: Int, count: Int) {
    let calls = Mutex<[Int]>([])
    let results = Workers(threads: threads).map(count) { piece in
      calls.withLock { $0.append(piece) }
      return "\(piece)"
    }
    #expect(results == (0..<count).map(String.init))
    #expect(calls.withLock { $0.sorted() } == Array(0..<count))
  }

  @Test(
    "`forEachRange` covers every element once, in pieces of the given size",
    arguments: [1, 2, 3, 8], [(0, 4), (1, 4), (4, 4), (5, 4), (103, 10), (7, 1)])
  func ranges(threads: Int, sizes: (count: Int, size: Int)) {
    let pieces = Mutex<[(Int, Range<Int>)]>([])
    Workers(threads: threads).forEachRange(of: sizes.count, by: sizes.size) { piece, range in
      pieces.withLock { $0.append((piece, range)) }
    }
    let sorted = pieces.withLock { $0.sorted { $0.0 < $1.0 } }
    #expect(sorted.map(\.0) == Array(sorted.indices))
    #expect(sorted.flatMap { Array($0.1) } == Array(0..<sizes.count))
    #expect(sorted.dropLast().allSatisfy { $0.1.count == sizes.size })
    #expect(sorted.allSatisfy { !$0.1.isEmpty })
  }

  @Test("there is at least one thread", arguments: [-1, 0])
  func atLeastOne(threads: Int) {
    #expect(Workers(threads: threads).threads == 1)
  }

  @Test("results that own memory survive being made on other threads")
  func ownedResults() {
    let results = Workers(threads: 8).map(500) { piece in Array(repeating: piece, count: 50) }
    #expect(results.enumerated().allSatisfy { $1 == Array(repeating: $0, count: 50) })
  }
}
