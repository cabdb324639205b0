// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The gradient of a function by central differences, with Richardson's extrapolation.
///
/// With D(e) = (f(x + e) − f(x − e))/2e, the quotient (4 D(e) − D(2e))/3 misses the derivative by
/// O(e⁴ f⁽⁵⁾): below 1e-17 of it for e = 2⁻¹⁵ and functions of scale 1. Where f is a polynomial of
/// degree up to four between its kinks, as layers and losses are, it misses by rounding alone. A
/// kink of a ReLU closer than 2e to x would show as an error of the size of the gradient.
package enum FiniteDifferences {
  private static let step = 0x1p-15

  /// ∂f/∂x, element by element.
  package static func gradient(
    at x: Tensor<Double>, of function: (Tensor<Double>) -> Double
  ) -> Tensor<Double> {
    var gradient = Tensor<Double>(shape: x.shape)
    for index in 0..<x.count {
      func difference(_ step: Double) -> Double {
        var (above, below) = (x, x)
        above.elements[index] += step
        below.elements[index] -= step
        return (function(above) - function(below))
          / (above.elements[index] - below.elements[index])
      }
      gradient.elements[index] = (4 * difference(step) - difference(2 * step)) / 3
    }
    return gradient
  }

  /// What rounding can make of a gradient, as a part of its largest element: f is a sum of terms of
  /// total size `magnitude`, each from a chain of at most `roundings` operations, and the quotient
  /// divides the error of two values by 2e, (4·1 + ½)/3 times over.
  package static func tolerance(
    magnitude: Double, roundings: Int, gradient: Tensor<Double>
  ) -> Double {
    let largest = gradient.elements.reduce(0) { max($0, abs($1)) }
    return 1.5 * gamma(roundings, Double.self) * magnitude / step / largest
  }
}
