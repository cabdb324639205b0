// SPDX-License-Identifier: Apache-2.0

/// A matrix with orthonormal columns, or rows where it is wide, made of any matrix [U; V] (Trockman and Kolter, ICLR
/// 2021, section 3), in binary64:
///
///     A = U − Uᴴ + VᴴV,   Q = [(I + A)⁻¹(I − A); −2 V (I + A)⁻¹] = [2N − I; −2 V N],   N = (I + A)⁻¹
///
/// QᴴQ = I: with S = U − Uᴴ and P = VᴴV, (2N − I)ᴴ(2N − I) + 4NᴴPN = I + Nᴴ(4I − 2(I + A) − 2(I + A)ᴴ + 4P)N, and
/// (I + A) + (I + A)ᴴ = 2I + 2P. Of a wide matrix it is the adjoint of its adjoint's.
struct CayleyTransform: Sendable {
  private let isWide: Bool
  /// V, rows × n.
  private let lower: ComplexMatrix
  /// N.
  private let inverse: ComplexMatrix

  init(_ weights: ComplexMatrix) {
    isWide = weights.columns > weights.rows
    let tall = isWide ? weights.adjoint : weights
    let n = tall.columns
    let upper = tall.rows(0..<n)
    lower = tall.rows(n..<tall.rows)
    var sum = upper.adding(upper.adjoint, times: -1).scaled(adding: 1)
    if lower.rows > 0 { sum = sum.adding(.product(lower, adjointFirst: true, lower)) }
    inverse = sum.inverse()
  }

  /// Q, in the shape of the matrix that it was made of.
  var orthogonal: ComplexMatrix {
    let top = inverse.scaled(by: 2, adding: -1)
    let whole = lower.rows > 0 ? top.above(.product(lower, inverse, times: -2)) : top
    return isWide ? whole.adjoint : whole
  }

  /// The gradient with respect to [U; V], given that with respect to Q; a complex one has those with respect to the real
  /// parts as its real part, and those with respect to the imaginary parts as its imaginary part.
  ///
  /// With Q̄ = [Q̄₁; Q̄₂]: N̄ = 2Q̄₁ − 2VᴴQ̄₂, Ā = −Nᴴ N̄ Nᴴ, Ū = Ā − Āᴴ, V̄ = −2Q̄₂Nᴴ + V(Ā + Āᴴ).
  func gradient(of orthogonal: ComplexMatrix) -> ComplexMatrix {
    let tall = isWide ? orthogonal.adjoint : orthogonal
    let n = tall.columns
    let (top, bottom) = (tall.rows(0..<n), tall.rows(n..<tall.rows))
    var ofInverse = top
    if lower.rows > 0 {
      ofInverse = top.adding(.product(lower, adjointFirst: true, bottom), times: -1)
    }
    let inverseAdjoint = inverse.adjoint
    let ofSum = ComplexMatrix.product(
      .product(inverseAdjoint, ofInverse), inverseAdjoint, times: -2)
    let adjoint = ofSum.adjoint
    var whole = ofSum.adding(adjoint, times: -1)
    if lower.rows > 0 {
      whole = whole.above(
        ComplexMatrix.product(lower, ofSum.adding(adjoint))
          .adding(.product(bottom, inverseAdjoint), times: -2))
    }
    return isWide ? whole.adjoint : whole
  }
}
