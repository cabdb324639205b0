import ArgumentParser

/// Positions in a data set as a flag lists them: "0,5,7-9".
struct Indices: ExpressibleByArgument, CustomStringConvertible {
  /// As they were written.
  let description: String
  /// In the order in which they were written; no two overlap.
  private let ranges: [ClosedRange<Int>]

  /// Reads "0,5,7-9"; nil for anything else, and where an index is named twice.
  init?(argument: String) {
    var ranges: [ClosedRange<Int>] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
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
    description = argument
  }

  /// The largest index.
  var maximum: Int { ranges.map(\.upperBound).max() ?? 0 }

  /// All of them, in the order in which they were written.
  var positions: [Int] { ranges.flatMap { Array($0) } }
}
