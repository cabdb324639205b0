// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// The real orthonormal Fourier basis of n numbers on a circle, a row a vector:
///
///     1/√n;   √(2/n) cos(2πjp/n) and √(2/n) sin(2πjp/n) for 0 < j < n/2;   (−1)ᵖ/√n for an even n
///
/// as it was rounded.
struct FourierBasis<Scalar: TensorScalar>: Sendable {
  /// n.
  let count: Int
  /// n×n.
  let elements: Tensor<Scalar>

  init(count: Int) {
    self.count = count
    let numbers = (0..<count).flatMap { row in
      let isPaired = FourierBasis.partner(of: row, in: count) != row
      let factor = ((isPaired ? 2 : 1) / Double(count)).squareRoot()
      return (0..<count).map { position in
        let (cosine, sine) = Turn(
          part: FourierBasis.frequency(of: row, in: count) * position % count, whole: count
        ).cosineAndSine
        return Scalar(factor * (isPaired && row % 2 == 0 ? sine : cosine))
      }
    }
    elements = Tensor(shape: [count, count], elements: numbers)
  }

  /// j of a row.
  static func frequency(of row: Int, in count: Int) -> Int { (row + 1) / 2 }

  /// The row of the same frequency: a cosine's sine, a sine's cosine; for the others the row itself.
  static func partner(of row: Int, in count: Int) -> Int {
    if row == 0 || count % 2 == 0 && row == count - 1 { return row }
    return row % 2 == 1 ? row + 1 : row - 1
  }

  /// ‖R̃ − R‖₂ ≤ the result for the rounded basis R̃ of n numbers and the exact one R.
  ///
  /// *Proof.* An exact element is a factor of at most √(2/n) times a number of at most 1, in error by 5u (`Turn`); the
  /// factor's quotient and root, and the product, add less than 3u, and rounding to the format its unit roundoff. So
  /// elements err by at most √(2/n)(9u + 1.01 u′), n² of them in Frobenius' norm by √(2n) times that.
  static func deviation(of count: Int, in format: BinaryFormat) -> Double {
    let up = Rounding.up
    return up.product(
      up.squareRoot(2 * Double(count)),
      up.sum(9 * Rounding.unitRoundoff, up.product(1.01, format.unitRoundoff)))
  }
}
