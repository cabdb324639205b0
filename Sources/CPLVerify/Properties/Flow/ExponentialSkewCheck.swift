// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// The exponential of a skew matrix, and its truncated series.
struct ExponentialSkewCheck: PropertyCheck {
  let id = "step.exponential-skew"
  let statement =
    "exp(A) is orthogonal for skew A and Σ_{i<k} Aⁱ/i! errs by at most ‖A‖^k/k! (not for general A)"
  let source = "Meunier et al. 2022, flows of skew fields; Singla and Feizi, ICML 2021"
  let concernsNetwork = false

  private static let order = 48
  private static let origin = "the rounding bounds of both sums, of the squarings and of LAPACK"
  /// Norms of the matrices, about; powers of two times a matrix of norm 2.
  private static let exponents = [-5, -3, -1, 1]

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let skew = (0..<context.effort.choose(1, 2, 20)).map { _ in
      SquareMatrix.skew(order: Self.order, scale: 1, random: &random)
    }
    let scaled = skew.flatMap { matrix in Self.exponents.map { power($0) * matrix } }
    let seriesErrors = try scaled.flatMap { try truncations($0) }
    // S = A + ‖A‖/2·I is not skew; its exponential is a long series.
    let general = try skew.flatMap { matrix in
      let matrix = power(-3) * matrix
      let shift = try matrix.spectralNormEnclosure().upperBound
      return try truncations(
        matrix + Double(Float(shift / 2)) * .identity(Self.order), isSkew: false)
    }
    return Findings(
      [
        try Measurement(
          "‖exp(A)ᵀexp(A) − I‖_F",
          worstOf: scaled.map { SkewStep.exponential(ofSkew: $0).orthogonalityDefect }, .atMost, 0,
          from: "the series' rest, and rounding"),
        try Measurement(
          "‖Σ_{i<k} Aⁱ/i! − exp(A)‖₂·k!/‖A‖^k", worstOf: seriesErrors, .atMost, 1, from: Self.origin
        ),
        try Measurement(
          "the same of matrices that are not skew, to which the bound must not be applied",
          worstOf: general, .atLeast, 1, from: Self.origin),
      ],
      control: PositiveControl(
        "a bound that is 0.1 % too small",
        try Measurement(
          "‖Σ_{i<k} Aⁱ/i! − exp(A)‖₂·k!/(0.999‖A‖^k)",
          worstOf: seriesErrors.map { ($0.value / 0.999, $0.tolerance / 0.999) }, .atMost, 1,
          from: Self.origin)))
  }

  private func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }

  /// ‖S_k − exp(A)‖₂·k!/‖A‖^k for k = 1, 2, … as long as the bound stands clear of rounding.
  private func truncations(
    _ matrix: SquareMatrix, isSkew: Bool = true
  ) throws -> [(value: Double, tolerance: Double)] {
    let norm = try matrix.spectralNormEnclosure()
    var exact =
      isSkew
      ? SkewStep.exponential(ofSkew: matrix) : SkewStep.exponentialSeries(matrix, terms: 40)
    // ½⁴⁰/40! is far below 10⁻⁵⁰.
    if !isSkew { exact.errorBound += 1e-50 }
    var ratios: [(value: Double, tolerance: Double)] = []
    var bound = 1.0
    for terms in 1...30 {
      // The proved norm on the side that favours what is to be refuted.
      bound *= (isSkew ? norm.upperBound : norm.lowerBound) / Double(terms)
      let sum = SkewStep.exponentialSeries(matrix, terms: terms)
      let difference = sum.value - exact.value
      let error = difference.spectralNormEstimate
      let tolerance =
        (sum.errorBound + exact.errorBound + Double(Self.order) * 0x1p-52 * error) / bound
        + Double(2 * terms) * 0x1p-52
      guard tolerance <= Measurement.widestTolerance / 10 else { break }
      ratios.append((error / bound, tolerance))
    }
    return ratios
  }
}
