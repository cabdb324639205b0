// SPDX-License-Identifier: Apache-2.0

import Foundation

extension [Double] {
  /// The quantile at `share` of sorted numbers, in [0, 1]: linear between the two nearest ones
  /// (Hyndman and Fan's seventh definition, as NumPy and R have it), so that the median of an even
  /// number of them is the mean of the middle two. The one quantile of this package: what terminal,
  /// pages and JSON show of the same numbers is the same.
  ///
  /// - Precondition: sorted in ascending order, without NaN, and not empty.
  package func quantile(_ share: Double) -> Double {
    let position = share * Double(count - 1)
    let below = Int(position)
    let part = position - Double(below)
    // Not interpolated where there is nothing between: ∞ − ∞ is no number.
    guard part > 0, self[below] < self[below + 1] else { return self[below] }
    return self[below] + part * (self[below + 1] - self[below])
  }
}

/// The ends and the middle of a list of numbers.
package struct Distribution: Equatable, Sendable {
  package let min: Double
  /// The quantile at ½.
  package let median: Double
  package let max: Double

  /// Nil for an empty list.
  package init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    (min, median, max) = (first, sorted.quantile(0.5), last)
  }
}

/// How many of a list of d/r lie in each of fixed classes, so that runs can be compared: sixteen
/// between 1 and 10 of equal ratio, and what lies outside.
struct TightnessHistogram: Sendable {
  /// The lower ends of all classes but the first, which has none.
  static let edges = (0...16).map { pow(10, Double($0) / 16) }

  /// The classes' names, such as "1.15 – 1.33", each without its upper end, and their counts.
  let bins: [(label: String, count: Int)]

  init(_ values: [Double]) {
    let edges = [-.infinity] + Self.edges + [.infinity]
    bins = zip(edges, edges.dropFirst()).map { low, high in
      let label =
        low < 1
        ? "below 1"
        : high == .infinity ? "from \(Self.text(low))" : "\(Self.text(low)) – \(Self.text(high))"
      return (label, values.count { low <= $0 && $0 < high })
    }
  }

  static func text(_ edge: Double) -> String {
    edge == edge.rounded() ? "\(Int(edge))" : String(format: "%.2f", edge)
  }

  /// The count of the fullest class, at least 1.
  var largest: Int { Swift.max(1, bins.map(\.count).max() ?? 1) }

  /// One line a class: its name, a bar, its count.
  var text: String {
    bins.map { label, count in
      let name = label + String(repeating: " ", count: Swift.max(0, 12 - label.count))
      let length = (40 * count + largest - 1) / largest
      return "\(name)│\(String(repeating: "█", count: length)) \(count)"
    }.joined(separator: "\n")
  }
}
