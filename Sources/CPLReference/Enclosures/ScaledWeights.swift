// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// Binary32 weights as binary64 numbers with the largest magnitude in [1, 2).
///
/// A power of two is taken out, which is exact: every binary32 number, subnormal ones included,
/// is 2⁻¹⁴⁹ times an integer, so that the quotients are 0 or at least 2⁻²⁷⁶, and the products of
/// two of them exact and at least 2⁻⁵⁵² in magnitude. Underflow thus stays far below every
/// bound: a matrix with these entries has spectral norm at least 1, that of its largest entry.
package struct ScaledWeights {
  /// The weights divided by 2^`exponent`, in the order of the tensor; empty when all are zero.
  let elements: [Double]
  /// The exponent of the largest magnitude.
  let exponent: Int

  /// Whether every weight is zero.
  var isZero: Bool { elements.isEmpty }

  /// Scales `weights`, which are refused as by `requireFinite`.
  init(_ weights: Tensor<Float>, what: String, axes: [String]) throws(VerificationError) {
    try Self.requireFinite(weights, what: what, axes: axes)
    let largest = weights.elements.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0 else {
      elements = []
      exponent = 0
      return
    }
    exponent = Int(Double(largest).exponent)
    let scale = scalbn(1.0, -exponent)
    elements = weights.elements.map { Double($0) * scale }
  }

  /// A number for the scaled weights, carried back to the weights themselves. Exact: norms after
  /// scaling lie between 1 and the square root of the number of weights times 2.
  func unscaled(_ value: Double) -> Double { scalbn(value, exponent) }

  /// The inverse of `unscaled`, as exact as that.
  func scaled(_ value: Double) -> Double { scalbn(value, -exponent) }

  /// Refuses NaN and infinities, naming the first one's place by `axes`.
  package static func requireFinite(
    _ weights: Tensor<Float>, what: String, axes: [String]
  ) throws(VerificationError) {
    if let index = weights.elements.firstIndex(where: { !$0.isFinite }) {
      var rest = index
      var place: [String] = []
      for (axis, extent) in zip(axes, weights.shape).reversed() {
        place.append("\(axis) \(rest % extent)")
        rest /= extent
      }
      throw .notFinite(what: what, location: place.reversed().joined(separator: ", "))
    }
  }
}
