// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// How a 3×3 convolution T is computed in binary32: by Winograd's minimal filtering F(4, 3) along
/// the columns of pixels, in the order and the signs of `CPLKernels.h` (Lavin and Gray, *Fast
/// Algorithms for Convolutional Neural Networks*, CVPR 2016).
///
/// T = Σ_p A_p U_p B_p over the six points (`WinogradPoint`). B_p takes one combination t_p of six rows
/// of inputs for every four rows of outputs; U_p is a correlation along these rows, m_p = U_p t_p, in
/// chains a third as long as T's own would be, with weights that were rounded, Û_p; A_p spreads m_p
/// over the four rows. Certificates speak of binary64, so that none rests on this.
package struct WinogradSums: RoundedProduct {
  package let elements: Int
  /// The summands of T.
  private let parts: [Part]

  /// A_p U_p B_p.
  private struct Part {
    /// At least ‖|A_p|‖₂, ‖Û_p‖₂ and ‖|B_p|‖₂.
    let spread: Double, correlation: Double, combination: Double
    /// δ ≥ ‖Û_p − U_p‖₂, bounded as ‖Û_p‖ is, by the Frobenius norm.
    let weightError: Double
    /// The chains that make m_p from t_p, and how many elements t_p has.
    let chains: FusedSums, inputs: Int
  }

  /// The sums of T.
  ///
  /// - Parameter map: T, with weights of binary32.
  /// - Precondition: it does go by this algorithm (`CPLKernels.h`): 3×3 taps, and a height from 4 on.
  /// - Throws: `notFinite` for weights that are not finite, or not when transformed.
  /// - Complexity: a Gram iteration of a matrix of the kernel's size for each of the six points.
  package init(_ map: ZeroPaddedConvolution) throws(VerificationError) {
    precondition(map.kernelSide == 3 && map.height >= 4, "a convolution by Winograd")
    let pixels = (map.height + 3) / 4 * map.width
    let columns = map.kernelColumns
    elements = map.outputCount
    var parts: [Part] = []
    for point in WinogradPoint.all {
      let weights = Tensor(
        shape: [map.outputs, map.inputs, 1, 3], elements: columns.map(point.weight))
      try ScaledWeights.requireFinite(
        weights, what: "transformed kernel", axes: ["output", "input", "row", "column"])
      let correlation = WinogradPoint.correlationNormUpperBound(weights)
      parts.append(
        Part(
          // The columns of A_p do not overlap.
          spread: EuclideanNorm.upperBound(point.outputs), correlation: correlation,
          combination: point.combinationNormUpperBound,
          weightError: Rounding.up.product(
            Rounding.up.squareRoot(3),
            EuclideanNorm.upperBound(columns.map(point.weightErrorBound))),
          chains: FusedSums.convolution(
            kernel: weights, pixels: pixels, spectralNormUpperBound: correlation
          ).forward, inputs: map.inputs * pixels))
    }
    self.parts = parts
  }

  /// ‖fl(Ty) − Ty‖₂ ≤ the result for every y of binary32 with ‖y‖₂ ≤ X = `norm`.
  ///
  /// *Proof,* up to underflow. An element of y is rounded at most twice on its way into t_p, which
  /// therefore errs by γ₂‖|B_p|‖X at most; T̃ = (1 + γ₂)‖|B_p|‖X bounds its norm. With c the error of
  /// the chains at T̃ (`FusedSums`), m_p errs by c + ‖Û_p‖γ₂‖|B_p|‖X + δ‖|B_p|‖X, and its norm is at
  /// most M = ‖Û_p‖T̃ + c. An element of m_p is rounded at most three times on its way into an output.
  /// All in all
  ///
  ///     ‖fl(Ty) − Ty‖ ≤ Σ_p ‖|A_p|‖(c + (γ₂‖Û_p‖ + δ)‖|B_p|‖X + γ₃M)
  ///
  /// Underflows on the way into an element of t_p add up to less than 4η₀, those on the way from the
  /// m_p into an output to less than 3η₀; eight are charged for each.
  ///
  /// - Precondition: the format is binary32.
  /// - Throws: `notFinite` when the evaluation might overflow.
  package func errorBound(
    norm: Double, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    precondition(format == BinaryFormat(Float.self), "binary64 goes by plain chains")
    let up = Rounding.up
    // A number on the way combines rows with coefficients that add up to less than 6 in magnitude.
    try format.require(up.product(8, norm), "transformed inputs of a layer")
    var error = format.underflow(roundings: 8, elements: elements)
    for part in parts {
      let exact = up.product(part.combination, norm)
      let inputError = up.sum(
        up.product(format.gamma(2), exact),
        format.underflow(roundings: 8, elements: part.inputs))
      let chainInput = up.sum(exact, inputError)
      let chainError = try part.chains.errorBound(norm: chainInput, in: format)
      let sums = up.sum(up.product(part.correlation, chainInput), chainError)
      // The coefficients of an output add up to less than 9.
      try format.require(up.product(16, sums), "partial sums of a layer")
      let sumError = up.sum(
        chainError,
        up.sum(up.product(part.correlation, inputError), up.product(part.weightError, exact)))
      error = up.sum(
        error, up.product(part.spread, up.sum(sumError, up.product(format.gamma(3), sums))))
    }
    return error
  }
}

extension ZeroPaddedConvolution {
  /// The columns of the 3×3 kernels, by output, input and column.
  fileprivate var kernelColumns: [(Double, Double, Double)] {
    let matrix = outputs * inputs
    return (0..<matrix).flatMap { entry in
      (0..<3).map { column in
        (
          taps[column * matrix + entry], taps[(3 + column) * matrix + entry],
          taps[(6 + column) * matrix + entry]
        )
      }
    }
  }
}
