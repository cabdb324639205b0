// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A symmetric matrix as LAPACK's Cholesky factorisations read it: one triangle, dense or banded.
package struct SymmetricMatrix: Sendable {
  /// Row i holds A(i, i), A(i, i+1), … at a distance of `stride` from the row before: all n
  /// columns when dense, only those up to i + `bandwidth` in a band.
  package private(set) var elements: [Double]
  /// n.
  package let order: Int
  /// The largest j − i with A(i, j) ≠ 0.
  package let bandwidth: Int
  private let isBand: Bool

  /// A dense matrix, row-major; its upper triangle counts.
  package init(dense elements: [Double], order: Int) {
    precondition(elements.count == order * order)
    self.elements = elements
    self.order = order
    bandwidth = max(0, order - 1)
    isBand = false
  }

  /// A band matrix of `order` rows of `bandwidth` + 1 numbers, the diagonal entry first.
  package init(band elements: [Double], order: Int, bandwidth: Int) {
    precondition(elements.count == order * (bandwidth + 1))
    self.elements = elements
    self.order = order
    self.bandwidth = bandwidth
    isBand = true
  }

  /// The distance from one diagonal entry to the next.
  private var diagonalStride: Int { isBand ? bandwidth + 1 : order + 1 }

  /// The diagonal.
  package var diagonal: [Double] { (0..<order).map { elements[$0 * diagonalStride] } }
}

// Notation: G this matrix, n its order, λ_max its largest eigenvalue, p the largest number of
// products in an entry of the factor: n − 1, or the bandwidth. K = 8γ_{p+2}/(1 − γ_{p+2}).
extension SymmetricMatrix {
  /// Whether λ_max(G) ≤ s is proved by a Cholesky factorisation of sI − G that runs to its end
  /// (Rump, *Verification of positive definiteness*, BIT 46, 2006).
  ///
  /// - `true`: λ_max(G) ≤ s, for the numbers of the stored triangle, rounding included.
  /// - `false`: nothing is known. It is the only answer for s < λ_max(G).
  ///
  /// *Proof.* Let d_i = s − g_ii, c ≥ K·Σd_i up to rounding, and Ã the matrix that is factored:
  /// −g_ij off the diagonal, exact, and fl(fl(d_i) − c) on it. If the factorisation ends with
  /// finite positive pivots, the factor R satisfies RᵀR = Ã + E, ‖E‖₂ ≤ γ_{p+2}/(1 − γ_{p+2})·tr Ã,
  /// in whatever order the sums are taken (Higham, theorem 10.5; Rump, lemma 2.1). So
  /// λ_min(Ã) ≥ −‖E‖₂, and sI − G = Ã + cI + diag(e_i) with |e_i| ≤ 2.1u·d_i gives
  /// λ_min(sI − G) ≥ c − ‖E‖₂ − 2.1u·Σd_i ≥ 0: the two terms subtracted are at most an eighth
  /// and, since γ_{p+2} ≥ 2u, 1.1 eighths of c. The rest of the factor 8 pays for what a blocked
  /// LAPACK does beyond the model (a reciprocal of the pivot for a division: p + 4 instead of
  /// p + 2 roundings, at most twice) and for the rounding of c itself (n + 9 roundings).
  ///
  /// *Underflow.* For s ≥ 1 a positive d_i is at least 2⁻⁵³ (either g_ii < ½, or both s and g_ii
  /// are multiples of 2⁻⁵³), so c ≥ 2⁻¹⁰², and n² underflows of 2⁻¹⁰⁷⁴ vanish beside it.
  ///
  /// - Precondition: s ≥ 1 (take a power of two out of the weights first).
  /// - Complexity: n³/3 or n·bandwidth² multiply-adds, in place.
  package consuming func largestEigenvalueIsProved(atMost s: Double) -> Bool {
    guard s.isFinite, s >= 1 else { return false }
    let stride = diagonalStride
    var trace = 0.0
    for i in 0..<order {
      let entry = s - elements[i * stride]
      guard entry > 0 else { return false }
      trace += entry
    }
    let shift = shiftFactor * trace
    for index in elements.indices { elements[index] = -elements[index] }
    for i in 0..<order {
      let entry = (s + elements[i * stride]) - shift
      guard entry > 0 else { return false }
      elements[i * stride] = entry
    }
    let info =
      isBand
      ? LAPACK.bandCholeskyFactor(&elements, order: order, bandwidth: bandwidth)
      : LAPACK.choleskyFactor(&elements, order: order)
    // LAPACK compares pivots with zero, which NaN passes.
    return info == 0
      && (0..<order).allSatisfy { elements[$0 * stride] > 0 && elements[$0 * stride].isFinite }
  }

  /// K, to nearest: the factor 8 covers its rounding.
  private var shiftFactor: Double {
    let gamma = Rounding.gamma(bandwidth + 2)
    return 8 * gamma / (1 - gamma)
  }

  /// The s to try: `estimate`·(1 + `margin`), and twice the shift c that the proof will subtract.
  private func trialBound(estimate: Double, margin: Double) -> Double {
    let base = estimate * (1 + margin)
    return base + 2 * shiftFactor * diagonal.reduce(0) { $0 + max(0, base - $1) }
  }

  /// An upper bound of λ_max(G), from an estimate of it that may err to either side.
  ///
  /// Tries bounds that lie by 1e-10, 1e-9, … 1e-6 above the estimate (and by what the rounding of
  /// the proof costs), until one is proved.
  ///
  /// - Parameter matrix: makes G, once for each attempt, which is overwritten by its factor.
  /// - Returns: s with λ_max(G) ≤ s, proved; nil when no attempt succeeds.
  /// - Precondition: λ_max(G) ≥ 1.
  package static func provedUpperBound(
    estimate: Double, of matrix: () -> SymmetricMatrix
  ) -> Double? {
    for margin in [1e-10, 1e-9, 1e-8, 1e-7, 1e-6] {
      let attempt = matrix()
      let bound = max(1, attempt.trialBound(estimate: estimate, margin: margin))
      if attempt.largestEigenvalueIsProved(atMost: bound) { return bound }
    }
    return nil
  }
}
