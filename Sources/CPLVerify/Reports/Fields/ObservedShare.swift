// SPDX-License-Identifier: Apache-2.0

/// A share of images, and where the share of all images like them lies at a confidence of 95 %.
package struct ObservedShare: Equatable, Sendable {
  package let hits: Int
  /// Of how many images; at least one.
  package let count: Int

  /// Nil without images.
  package init?(hits: Int, of count: Int) {
    guard count > 0, (0...count).contains(hits) else { return nil }
    (self.hits, self.count) = (hits, count)
  }

  /// A share as results keep it; nil where it is none of so many images.
  package init?(_ share: Double?, of count: Int) {
    guard let share, (0...1).contains(share) else { return nil }
    self.init(hits: Int((share * Double(count)).rounded()), of: count)
  }

  package var share: Double { Double(hits) / Double(count) }

  /// Wilson's score interval (*Probable inference, the law of succession, and statistical inference*,
  /// JASA 1927), which keeps its level with few images and near 0 and 1 too.
  package var interval: ClosedRange<Double> {
    let n = Double(count)
    let squared = Self.normalQuantile * Self.normalQuantile
    let middle = (share + squared / (2 * n)) / (1 + squared / n)
    let width =
      Self.normalQuantile / (1 + squared / n)
      * (share * (1 - share) / n + squared / (4 * n * n)).squareRoot()
    // The share itself is in it, whatever rounding does at 0 and 1.
    return min(share, max(0, middle - width))...max(share, min(1, middle + width))
  }

  /// The 97.5 % quantile of the normal distribution.
  static let normalQuantile = 1.959963984540054
}

extension Shown {
  /// The interval of a share, in per cent.
  package static func interval(_ share: ObservedShare) -> String {
    "\(fixed(share.interval.lowerBound * 100))–\(fixed(share.interval.upperBound * 100))"
  }

  /// A share with its interval.
  package static func estimate(_ share: ObservedShare?) -> String {
    share.map { "\(percent($0.share)) (\(interval($0)))" } ?? none
  }
}
