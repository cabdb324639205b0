// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Enclosures of spectral norms, proved from stored binary32 weights alone.
///
/// Assumed: IEEE 754 binary64; BLAS and LAPACK that compute sums of products in any order, fused
/// or not, but by no faster-than-cubic algorithm. The model's own power method is never called.
public enum VerifiedSpectralNorm {
  /// lowerBound ≤ ‖W‖₂ ≤ upperBound for an m×n matrix W (soundness.md, section 1).
  ///
  /// *Upper.* G is the Gram matrix of the smaller side in binary64. A product of two binary32
  /// numbers is exact there and only the sums of ℓ = max(m, n) terms round, so G errs by at most
  /// γ_ℓ·|W||W|ᵀ entry by entry and by γ_ℓ‖W‖_F² in the 2-norm. With λ_max(G) ≤ s proved by
  /// `SymmetricMatrix.largestEigenvalueIsProved(atMost:)`, ‖W‖₂ ≤ RU√(s + γ_ℓ‖W‖_F²).
  ///
  /// *Lower.* ‖Ax‖/‖x‖, A the map W or Wᵀ from the smaller side, for the vector x that Lanczos'
  /// method found: the computed Ax errs by at most γ·‖A‖_F‖x‖, which is subtracted.
  ///
  /// *Scale.* A power of two is taken out of W first, exactly (`ScaledWeights`).
  ///
  /// - Parameter weights: two extents, both at least 1.
  /// - Returns: an enclosure with `relativeWidth` ≤ 1e-6; [0, 0] exactly for W = 0.
  /// - Throws: `notFinite` for NaN and infinity, `invalid` for a tensor that is no matrix,
  ///   `enclosureNotFound` when no enclosure of that width was proved.
  /// - Complexity: m·n·min(m, n) multiply-adds, and min(m, n)³/3 for each of at most five attempts
  ///   (usually one); memory for W and two Gram matrices in binary64.
  public static func dense(
    _ weights: Tensor<Float>
  ) throws(VerificationError) -> SpectralNormEnclosure {
    let shape = weights.shape
    guard shape.count == 2, shape.allSatisfy({ 1...Int(Int32.max) ~= $0 }) else {
      throw .invalid(
        what: "weight matrix", expected: "two extents of at least 1", found: "shape \(shape)")
    }
    let (rows, columns) = (shape[0], shape[1])
    let scaled = try ScaledWeights(weights, what: "weight matrix", axes: ["row", "column"])
    if scaled.isZero { return .zero }
    let isWide = rows <= columns
    let (order, length) = isWide ? (rows, columns) : (columns, rows)
    let gram = gramMatrix(scaled.elements, rows: rows, columns: columns)

    let dominant = Lanczos.largestEigenpair(order: order) { x, y in
      BLAS.multiply(
        transposeA: false, rows: order, columns: order, alpha: 1, gram, lda: order, x, beta: 0,
        y)
    }
    guard let dominant else { throw noStartingPoint("weight matrix") }
    let eigenvalueBound = SymmetricMatrix.provedUpperBound(estimate: dominant.eigenvalue) {
      SymmetricMatrix(dense: gram, order: order)
    }

    var image = [Double](repeating: 0, count: length)
    BLAS.multiply(
      transposeA: isWide, rows: rows, columns: columns, alpha: 1, scaled.elements,
      lda: columns, dominant.vector, beta: 0, &image)
    let squaredNorm = EuclideanNorm.squareUpperBound(scaled.elements)
    return try enclosure(
      what: "weight matrix", scale: scaled, estimate: dominant.eigenvalue,
      lowerBound: quotientLowerBound(
        image, of: dominant.vector,
        relativeError: Rounding.up.product(
          Rounding.gamma(order), Rounding.up.squareRoot(squaredNorm))),
      eigenvalueBound: eigenvalueBound,
      gramError: Rounding.up.product(Rounding.gamma(length), squaredNorm), method: .cholesky)
  }

  /// The Gram matrix of the smaller side, full: blocks of the upper triangle, then mirrored.
  private static func gramMatrix(_ elements: [Double], rows: Int, columns: Int) -> [Double] {
    let isWide = rows <= columns
    let (order, length) = isWide ? (rows, columns) : (columns, rows)
    var gram = [Double](repeating: 0, count: order * order)
    elements.withUnsafeBufferPointer { elements in
      gram.withUnsafeMutableBufferPointer { gram in
        let (w, g) = (elements.baseAddress!, gram.baseAddress!)
        let blockSize = 256
        for first in stride(from: 0, to: order, by: blockSize) {
          let start = w + first * (isWide ? columns : 1)
          BLAS.multiply(
            transposeA: !isWide, transposeB: isWide, rows: min(blockSize, order - first),
            columns: order - first, depth: length, alpha: 1, start, lda: columns, start,
            ldb: columns, beta: 0, g + first * (order + 1), ldc: order)
        }
        for i in 0..<order {
          for j in 0..<i { g[i * order + j] = g[j * order + i] }
        }
      }
    }
    return gram
  }
}

extension VerifiedSpectralNorm {
  /// The widest enclosure, relative to its lower bound, that a Cholesky proof may return.
  static let widestEnclosure = 1e-6

  static func noStartingPoint(_ what: String) -> VerificationError {
    .enclosureNotFound(what: what, reason: "Lanczos' method found no eigenvalue to start from")
  }

  /// ‖A‖₂ ≥ the result, from the computed image Ax of any x: RD(‖Ax‖/‖x‖ − relativeError), where
  /// the image errs by at most relativeError·‖x‖ in norm, up to underflow; never negative.
  ///
  /// Underflow: weights are scaled and x of norm about 1, so that products below the normal range
  /// change the quotient by less than 2⁻¹⁰⁰⁰, which is subtracted too.
  static func quotientLowerBound(
    _ image: [Double], of x: [Double], relativeError: Double
  ) -> Double {
    let norm = EuclideanNorm.upperBound(x)
    guard norm.isFinite, norm > 0.5 else { return 0 }
    let quotient = Rounding.down.quotient(EuclideanNorm.lowerBound(image), norm)
    return max(
      0, Rounding.down.difference(quotient, Rounding.up.sum(relativeError, 0x1p-1000)))
  }

  /// The enclosure with upper bound RU√(s + gramError), if s was proved and it is narrow enough.
  static func enclosure(
    what: String, scale: ScaledWeights, estimate: Double, lowerBound: Double,
    eigenvalueBound: Double?, gramError: Double, method: SpectralNormEnclosure.Method
  ) throws(VerificationError) -> SpectralNormEnclosure {
    guard let eigenvalueBound else {
      throw .enclosureNotFound(
        what: what,
        reason: "no shift within 1e-6 of the estimated largest eigenvalue of the Gram matrix, "
          + "\(estimate) (scaled), made it positive definite")
    }
    let upperBound = Rounding.up.squareRoot(Rounding.up.sum(eigenvalueBound, gramError))
    let enclosure = try enclosure(
      what: what, scale: scale, estimate: estimate, lowerBound: lowerBound,
      upperBound: upperBound, method: method)
    guard enclosure.relativeWidth <= widestEnclosure else {
      throw .enclosureNotFound(
        what: what,
        reason: "the enclosure [\(enclosure.lowerBound), \(enclosure.upperBound)] is wider than "
          + "\(widestEnclosure) of its lower bound")
    }
    return enclosure
  }

  /// The enclosure between two bounds for the scaled weights.
  static func enclosure(
    what: String, scale: ScaledWeights, estimate: Double, lowerBound: Double, upperBound: Double,
    method: SpectralNormEnclosure.Method
  ) throws(VerificationError) -> SpectralNormEnclosure {
    guard lowerBound <= upperBound, upperBound.isFinite else {
      throw .enclosureNotFound(
        what: what,
        reason: "the lower bound \(lowerBound) contradicts the upper bound \(upperBound): "
          + "BLAS or LAPACK does not compute as is assumed")
    }
    return SpectralNormEnclosure(
      lowerBound: scale.unscaled(lowerBound), upperBound: scale.unscaled(upperBound),
      estimate: scale.unscaled(estimate.squareRoot()), method: method)
  }
}
