// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// Gram iteration: an upper bound of a spectral norm that converges to it from above (Delattre,
/// Barthélemy, Araujo and Allauzen, *Efficient bound of Lipschitz constant for convolutional
/// layers by Gram iteration*, ICML 2023).
///
/// With A₀ = A and A_{t+1} = A_tᵀA_t, ‖A_t‖₂² = ‖A_{t+1}‖₂ and ‖A_T‖₂ ≤ ‖A_T‖_F, hence
/// ‖A‖₂ ≤ ‖A_T‖_F^{1/2^T}; for rank r the excess is at most a factor r^{1/2^{T+1}}. It knows
/// neither eigenvectors nor factorisations and so serves as the check of the bounds that do.
package enum GramIteration {
  /// ‖A‖₂ ≤ the result, for a row-major rows×columns matrix A; zero exactly for A = 0.
  ///
  /// *Rounding.* For the computed A_t, scaled by a power of two so that its largest entry lies in
  /// [1, 2), H = fl(A_tᵀA_t), and A_{t+1} = 2^{−e}H,
  ///
  ///     ‖A_t‖₂² ≤ 2^e·‖A_{t+1}‖₂ + γ_d·‖A_t‖_F² + 2⁻¹⁰⁰⁰,
  ///
  /// d the length of the sums (|H − A_tᵀA_t| ≤ γ_d|A_t|ᵀ|A_t|, and ‖|A_t|‖₂ ≤ ‖A_t‖_F); the last
  /// term pays for all underflows, there and in the scaling of A itself. So a bound of ‖A_T‖₂, its Frobenius norm, gives one of
  /// ‖A_{T−1}‖₂, and so on down to A, each step rounded up. Each square root halves the relative
  /// error of the steps above it: their sum is about γ_d·r.
  ///
  /// - Parameters:
  ///   - iterations: T, at most; the products stop when one more of them gains less than 1e-9.
  ///   - sufficientBound: stops as soon as the bound is at most this number.
  /// - Precondition: every entry is finite.
  /// - Complexity: T products of matrices of the size of A's smaller side.
  package static func spectralNormUpperBound(
    _ matrix: [Double], rows: Int, columns: Int, iterations: Int = 24, sufficientBound: Double = 0
  ) -> Double {
    precondition(matrix.count == rows * columns)
    // The first product is of the smaller side: A Aᵀ for a wide A.
    var transposed = rows > columns
    var (order, depth) = transposed ? (columns, rows) : (rows, columns)
    var current = matrix
    // Step t's scale e and its error γ_d‖A_t‖_F² + 2⁻¹⁰⁰⁰; the first scale is A's own.
    var steps: [(exponent: Int, error: Double)] = []
    guard var exponent = normalize(&current) else { return 0 }
    let firstExponent = exponent
    var bound = Double.infinity
    while true {
      let squaredNorm = EuclideanNorm.squareUpperBound(current)
      let improved = unwind(Rounding.up.squareRoot(squaredNorm), through: steps)
      let hasSettled = improved > bound * (1 - 1e-9)
      bound = min(bound, improved)
      let unscaled = scaledUp(Rounding.up.sum(bound, 0x1p-1000), by: firstExponent)
      if steps.count == iterations || hasSettled || unscaled <= sufficientBound { return unscaled }

      let error = Rounding.up.sum(
        Rounding.up.product(Rounding.gamma(depth), squaredNorm), 0x1p-1000)
      var product = [Double](repeating: 0, count: order * order)
      BLAS.multiply(
        transposeA: transposed, transposeB: !transposed, rows: order, columns: order,
        depth: depth, alpha: 1, current, lda: transposed ? order : depth, current,
        ldb: transposed ? order : depth, beta: 0, &product, ldc: order)
      exponent = normalize(&product) ?? 0
      steps.append((exponent, error))
      current = product
      depth = order
      transposed = true
    }
  }

  /// The bound of ‖A₀‖₂ (as scaled) that follows from one of ‖A_T‖₂.
  private static func unwind(
    _ bound: Double, through steps: [(exponent: Int, error: Double)]
  ) -> Double {
    steps.reversed().reduce(bound) { bound, step in
      Rounding.up.squareRoot(Rounding.up.sum(scaledUp(bound, by: step.exponent), step.error))
    }
  }

  /// Divides by 2^e, the largest power of two not above the largest magnitude; nil, and nothing
  /// done, when all is zero.
  private static func normalize(_ matrix: inout [Double]) -> Int? {
    let largest = matrix.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0 else { return nil }
    let exponent = Int(largest.exponent)
    // In two steps: 2^(−e) itself may overflow.
    let half = scalbn(1.0, -(exponent / 2))
    let rest = scalbn(1.0, exponent / 2 - exponent)
    for index in matrix.indices { matrix[index] = matrix[index] * half * rest }
    return exponent
  }

  /// x·2^e rounded up; only a result below the normal range can round.
  private static func scaledUp(_ x: Double, by exponent: Int) -> Double {
    let scaled = scalbn(x, exponent)
    return scaled >= Double.leastNormalMagnitude ? scaled : scaled.nextUp
  }
}
