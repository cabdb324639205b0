// SPDX-License-Identifier: Apache-2.0

/// One of several parts of some work: of a data set every `count`-th image, from the `number`-th on; of a
/// reproduction some of its runs.
package struct Shard: Hashable, Sendable, CustomStringConvertible {
  /// From 1 on.
  package let number: Int
  package let count: Int

  /// Reads "2/3"; nil for anything that is no part of a whole.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { $0.allSatisfy(\.isNumber) ? Int($0) : nil }
    guard parts.count == 2, numbers.count == 2, (1...1 << 20).contains(numbers[1]),
      (1...numbers[1]).contains(numbers[0])
    else { return nil }
    (number, count) = (numbers[0], numbers[1])
  }

  package var description: String { "\(number)/\(count)" }

  /// The positions of its images among `images`.
  package func positions(in images: Int) -> [Int] {
    Array(stride(from: number - 1, to: images, by: count))
  }
}
