// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension LastLayerNormalised: MeasuredRoundingHead where Scalar == Double {
  /// Against logits of the exact rows w_i/‖w_i‖, so that the rounding of the executed rows is in them.
  ///
  /// *Proof.* Let u be the unit roundoff, v = w·x, R = Σ|w_k|. In fixed point v errs by R + n units. Squares of binary32
  /// numbers are exact, and their compensated sum errs by less than 2u of itself for n < 2²⁰, so that its root α is ‖w‖
  /// to 4u. So c = fl(v)/α as it is computed is v/‖w‖ to 8u|c| + (R + n)·unit/α·(1 + 8u), and |z̃ − z| is at most
  /// |(z̃ − b) − c| as it is computed, that, and two roundings: 16u(|z̃| + |b| + |c|) cover all but the units.
  package func roundingErrors(_ input: ArraySlice<Double>, _ logits: ArraySlice<Double>)
    -> [Double]?
  {
    guard features < 1 << 20, let numbers = WideFixedPoint.cut(input) else { return nil }
    var errors: [Double] = []
    for (label, logit) in logits.enumerated() {
      let row = weights.row(label)
      let factors = row.compactMap { WideFixedPoint.Factor($0) }
      guard factors.count == row.count else { return nil }
      let product = zip(factors, numbers).reduce(Int128(0)) { $0 + $1.0($1.1) }
      let (square, rest) = row.reduce((0.0, 0.0)) { sum, weight in
        let (next, error) = twoSum(sum.0, weight * weight)
        return (next, sum.1 + error)
      }
      let length = (square + rest).squareRoot()
      let magnitudes = row.reduce(0) { Rounding.up.sum($0, $1.magnitude) }
      guard length > 1.001e-12, magnitudes < 0x1p20 else { return nil }
      let quotient = Double(product) * WideFixedPoint.unit / length
      let bias = bias.elements[label]
      let units = Rounding.up.sum(magnitudes, Double(features)) * WideFixedPoint.unit
      let share =
        16 * Rounding.unitRoundoff * (logit.magnitude + bias.magnitude + quotient.magnitude)
      errors.append(
        Rounding.up.sum(
          Rounding.up.sum(((logit - bias) - quotient).magnitude, share),
          Rounding.up.product(Rounding.up.quotient(units, length), 1.001)))
    }
    return errors
  }
}
