// SPDX-License-Identifier: Apache-2.0

/// The mean of several runs, and how far they lie apart.
package struct Spread: Equatable, Sendable {
  package let count: Int
  package let mean: Double
  /// The sample standard deviation, with the divisor n − 1; nil for a single run.
  package let standardDeviation: Double?

  /// Nil for no values.
  package init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    count = values.count
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    standardDeviation =
      values.count < 2
      ? nil
      : (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1))
        .squareRoot()
  }
}
