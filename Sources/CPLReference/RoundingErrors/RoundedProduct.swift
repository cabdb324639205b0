// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A linear map y ↦ Ay as it is computed, which knows how much that errs.
package protocol RoundedProduct: Sendable {
  /// The number of elements of the result.
  var elements: Int { get }

  /// ‖fl(Ay) − Ay‖₂ ≤ the result for every y of the format with ‖y‖₂ ≤ `norm`.
  ///
  /// - Throws: `notFinite` when the evaluation might overflow.
  func errorBound(norm: Double, in format: BinaryFormat) throws(VerificationError) -> Double
}
