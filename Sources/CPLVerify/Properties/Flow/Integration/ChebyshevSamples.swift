// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The M zeros of Chebyshev's polynomial T_M, moved to [0, 1], as places to sample a polynomial.
///
/// A polynomial of degree n < M, or a vector of such, is nowhere on [0, 1] larger than
/// 1/cos(nπ/(2M)) times its largest value at them (Ehlich and Zeller, *Schwankung von Polynomen
/// zwischen Gitterpunkten*, Math. Z. 86, 1964; for a vector, apply it to the component along the
/// vector's direction where it is largest).
package enum ChebyshevSamples {
  /// M = 12.
  package static let count = 12
  /// n = 6, the largest degree for which `supremumFactor` is proved.
  package static let degree = 6

  /// The places, ascending.
  ///
  /// They are zeros only up to rounding, which moves a polynomial of degree 6 by less than 100u of
  /// its supremum (Markov's inequality: |p′| ≤ 2·36 sup|p| on [0, 1]); `supremumFactor` covers it.
  package static let places = (0..<count).map { index -> Double in
    let angle = (2 * Double(index) + 1) * .pi / Double(2 * count)
    return (1 - cos(angle)) / 2
  }

  /// Two numbers between which a polynomial of degree 4 stays on [0, 1], from its values at the
  /// places (nil where one is not finite): their middle ± 1/cos(4π/(2M)) = 1.1547… times half their range.
  package static func range(ofQuartic values: [Double]) -> ClosedRange<Double>? {
    // `min` and `max` pass over NaN.
    guard let lowest = values.min(), let highest = values.max(),
      values.allSatisfy(\.isFinite), (highest - lowest).isFinite
    else { return nil }
    // Beyond the samples by (1.1547 − 1)/2 of their range, and by a little for rounding.
    let beyond = 0.0774 * (highest - lowest) + 0x1p-48 * max(lowest.magnitude, highest.magnitude)
    return lowest - beyond...highest + beyond
  }

  /// 1/cos(nπ/(2M)) = √2, and a little for rounding.
  package static let supremumFactor = 1.41422
}
