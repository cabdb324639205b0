// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The Euclidean norm of a vector, or the Frobenius norm of a matrix, from either side.
///
/// With S the computed Σ x_i² of n terms, summed in any order, fused or not,
/// |S − ‖x‖²| ≤ γ_n ‖x‖² + n·2⁻¹⁰⁷⁴, the last term for squares that underflow. Hence
/// (S − n·2⁻¹⁰⁷⁴)/(1 + γ_n) ≤ ‖x‖² ≤ (S + n·2⁻¹⁰⁷⁴)/(1 − γ_n).
package enum EuclideanNorm {
  /// ‖x‖² ≤ the result. Zero exactly for x = 0; infinite when the sum overflows; NaN for NaN.
  ///
  /// Complexity: O(n).
  package static func squareUpperBound(_ x: [Double]) -> Double {
    let sum = sumOfSquares(x)
    if sum == 0, x.allSatisfy({ $0 == 0 }) { return 0 }
    let numerator = Rounding.up.sum(sum, underflow(x.count))
    return Rounding.up.quotient(
      numerator, Rounding.down.difference(1, Rounding.gamma(x.count)))
  }

  /// ‖x‖ ≤ the result. Zero exactly for x = 0; infinite when the sum overflows; NaN for NaN.
  package static func upperBound(_ x: [Double]) -> Double {
    Rounding.up.squareRoot(squareUpperBound(x))
  }

  /// The result ≤ ‖x‖, never negative; 0 when the sum overflows or is NaN.
  ///
  /// Complexity: O(n).
  package static func lowerBound(_ x: [Double]) -> Double {
    let sum = sumOfSquares(x)
    guard sum.isFinite else { return 0 }
    let numerator = Rounding.down.difference(sum, underflow(x.count))
    guard numerator > 0 else { return 0 }
    return Rounding.down.squareRoot(
      Rounding.down.quotient(numerator, Rounding.up.sum(1, Rounding.gamma(x.count))))
  }

  private static func sumOfSquares(_ x: [Double]) -> Double {
    x.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, !buffer.isEmpty else { return 0 }
      return Double.dot(buffer.count, base, base)
    }
  }

  private static func underflow(_ count: Int) -> Double {
    Double(count) * Double.leastNonzeroMagnitude
  }
}
