// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// A rate of growth that is affine in time, ρ_t = constant + slope·t: μ_t or λ_t of Proposition 1.
package struct LinearRate: Equatable, Sendable {
  package var constant: Double
  package var slope: Double

  package init(constant: Double, slope: Double = 0) {
    self.constant = constant
    self.slope = slope
  }

  /// The rate at `time`, to nearest.
  package subscript(time: Double) -> Double { constant + slope * time }

  /// RU(∫ρ) or RD(∫ρ) over `interval`.
  ///
  /// (c + s(a + b)/2)(b − a) rounds five times; six unit roundoffs of the sum of magnitudes cover
  /// that and the computing of the bound.
  package func integral(over interval: ClosedRange<Double>, _ direction: Rounding) -> Double {
    let (start, end) = (interval.lowerBound, interval.upperBound)
    let length = end - start
    let middle = (start + end) / 2
    let error =
      6 * Rounding.unitRoundoff
      * (constant.magnitude + (slope * max(start.magnitude, end.magnitude)).magnitude) * length
    let nearest = (constant + slope * middle) * length
    return switch direction {
    case .up: nearest + 2 * error
    case .down: nearest - 2 * error
    }
  }

  /// RU or RD of exp(∫ρ) over `interval`: the factor by which distances may grow or must shrink.
  ///
  /// The C library's `exp` is taken to err by at most two units in the last place.
  package func growth(over interval: ClosedRange<Double>, _ direction: Rounding) -> Double {
    let nearest = exp(integral(over: interval, direction))
    return switch direction {
    case .up: Rounding.up.product(nearest, 1 + 0x1p-50)
    case .down: Rounding.down.product(nearest, 1 - 0x1p-50)
    }
  }

  /// The sum of two rates, each number rounded to `direction`'s side.
  package func adding(_ other: LinearRate, _ direction: Rounding) -> LinearRate {
    LinearRate(
      constant: direction.sum(constant, other.constant),
      slope: direction.sum(slope, other.slope))
  }
}
