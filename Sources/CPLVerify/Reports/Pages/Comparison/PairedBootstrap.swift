// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The mean difference of two numbers for each image, such as its radii under two networks, with the
/// percentile interval of a paired bootstrap (Efron 1979): images are drawn with replacement, and an
/// image brings both its numbers.
package struct PairedBootstrap: Equatable, Sendable {
  /// The number of images.
  package let count: Int
  package let first: Double
  package let second: Double
  /// The mean of second minus first.
  package let difference: Double
  /// Where it lies at a confidence of 95 %.
  package let interval: ClosedRange<Double>

  /// How often images are drawn again.
  package static let resamples = 2000

  /// Nil for no images.
  ///
  /// - Parameter seed: what the draws come from; the same seed gives the same interval.
  /// - Precondition: as many in both, and finite.
  ///   Complexity: O(count · resamples).
  package init?(_ first: [Double], _ second: [Double], seed: UInt64) {
    precondition(first.count == second.count, "pairs")
    guard !first.isEmpty else { return nil }
    let differences = zip(first, second).map { $1 - $0 }
    let count = differences.count
    func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(count) }
    let means = (0..<Self.resamples).map { resample in
      var random = CounterRandom(seed: seed, purpose: .bootstrap, major: UInt32(resample))
      return (0..<count).reduce(0.0) { sum, _ in sum + differences[random.below(count)] }
        / Double(count)
    }.sorted()
    self.count = count
    self.first = mean(first)
    self.second = mean(second)
    difference = mean(differences)
    interval = means.quantile(0.025)...means.quantile(0.975)
  }
}
