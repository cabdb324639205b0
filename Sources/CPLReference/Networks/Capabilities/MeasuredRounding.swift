// SPDX-License-Identifier: Apache-2.0

/// A layer whose rounding error at one input can be measured: sharper than the bound beforehand by orders of magnitude,
/// and slower than the evaluation itself.
package protocol MeasuredRoundingLayer {
  /// ‖F̃(y) − F(y)‖₂ ≤ the result for this y, F the real map with the same constants; nil where numbers are too large
  /// to be measured.
  ///
  /// - Parameter output: F̃(y), as it was computed.
  func roundingError(_ input: ArraySlice<Double>, _ output: ArraySlice<Double>) -> Double?
}

/// A head whose rounding errors at one input can be measured.
package protocol MeasuredRoundingHead {
  /// For each class an upper bound of the logit's rounding error at this y; nil where numbers are too large to be
  /// measured.
  ///
  /// - Parameter logits: as they were computed.
  func roundingErrors(_ features: ArraySlice<Double>, _ logits: ArraySlice<Double>) -> [Double]?
}
