// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// ‖x − y‖ of two stored vectors, between two numbers.
package struct EnclosedDistance: Equatable, Sendable {
  package let lowerBound: Double
  package let upperBound: Double

  /// The distance of two vectors of one size; NaN above where an element is.
  ///
  /// Each difference rounds by u of itself, and gradual underflow makes small ones exact.
  package init(_ x: [Double], _ y: [Double]) {
    let difference = zip(x, y).map(-)
    lowerBound = Rounding.down.product(EuclideanNorm.lowerBound(difference), 1 - 0x1p-52)
    upperBound = Rounding.up.product(EuclideanNorm.upperBound(difference), 1 + 0x1p-52)
  }
}
