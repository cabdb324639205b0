// SPDX-License-Identifier: Apache-2.0

/// The distance of two images in the 2-norm, as good as exact.
///
/// The square is accumulated in twice the precision of binary64 (Ogita, Rump and Oishi, *Accurate
/// sum and dot product*, SIAM J. Sci. Comput. 26, 2005): differences and their squares are split
/// into a rounded value and its error, and the errors are summed apart.
package struct Distance {
  /// The sum of the squares' rounded values, and what it lacks.
  private var high = 0.0
  private var low = 0.0

  /// The distance of two images of at most 2²⁴ elements whose differences are 0 or at least 2⁻⁴⁰⁰, as
  /// those of binary32 numbers are.
  @specialized(where Scalar == Float, First == [Float], Second == [Float])
  @specialized(where Scalar == Float, First == [Float], Second == ArraySlice<Float>)
  @specialized(where Scalar == Float, First == ArraySlice<Float>, Second == ArraySlice<Float>)
  @specialized(where Scalar == Double, First == [Double], Second == [Double])
  @specialized(where Scalar == Double, First == [Double], Second == ArraySlice<Double>)
  package init<
    Scalar: TensorScalar, First: RandomAccessCollection<Scalar>,
    Second: RandomAccessCollection<Scalar>
  >(_ a: First, _ b: Second) {
    for (first, second) in zip(a, b) {
      let (difference, differenceError) = twoSum(Double(first), -Double(second))
      let square = difference * difference
      let squareError = (-square).addingProduct(difference, difference)
      let (sum, sumError) = twoSum(high, square)
      high = sum
      low += sumError + (squareError + 2 * difference * differenceError)
    }
  }

  /// ‖a − b‖₂ ≤ the result, and above it by at most five units in the last place.
  ///
  /// `high + low` misses ‖a − b‖² by at most u + (4γ_n)² of it, n ≤ 2²⁴, below 2u; its root misses
  /// the distance by less than 2u = 2⁻⁵².
  package var upperBound: Double {
    Rounding.up.product(Rounding.up.squareRoot(high + low), 1 + 0x1p-52)
  }

  /// radius² − ‖a − b‖²: positive well inside a ball, negative well outside.
  package func slack(in radius: Double) -> Double {
    let square = radius * radius
    let squareError = (-square).addingProduct(radius, radius)
    return (square - high) - low + squareError
  }
}
