// SPDX-License-Identifier: Apache-2.0

/// Positions in a data set as they are listed: "0,5,7-9".
package struct Indices: CustomStringConvertible, Sendable {
  /// As they were written.
  package let description: String
  /// In the order in which they were written; no two overlap.
  private let ranges: [ClosedRange<Int>]

  /// Reads "0,5,7-9"; nil for anything else, and where an index is named twice.
  package init?(_ text: String) {
    var ranges: [ClosedRange<Int>] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.allSatisfy { ("0"..."9").contains($0) } ? Int($0) : nil }
      guard let first = ends[0], let last = ends[ends.count - 1], first <= last else { return nil }
      ranges.append(first...last)
    }
    let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
    guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.upperBound < $1.lowerBound }) else {
      return nil
    }
    self.ranges = ranges
    description = text
  }

  /// The largest index.
  package var maximum: Int { ranges.map(\.upperBound).max() ?? 0 }

  /// All of them, in the order in which they were written.
  package var positions: [Int] { ranges.flatMap { Array($0) } }
}
