// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// One of the points 0, ±3/4, ±3/2 and ∞ of Winograd's algorithm F(4, 3), as `CPLKernels.h` states it:
/// a row b of Bᵀ, a row of G and a column a of Aᵀ, with which a correlation of rows y with the taps g
/// is a sum over the points,
///
///     Σ_k g_k y_{r+k} = Σ a_r · (Gg) · ⟨b, y⟩   for r = 0 … 3,
///
/// by Lagrange's interpolation of a product of polynomials.
package struct WinogradPoint: Sendable {
  /// z, or nil for ∞.
  private let position: Double?

  private static let finite = [0, 0.75, -0.75, 1.5, -1.5]

  /// All six, in the order of their positions.
  package static let all =
    finite.map { WinogradPoint(position: $0) } + [WinogradPoint(position: nil)]

  /// b, of six rows of inputs: the coefficients of Π (x − z′) over the finite points z′ ≠ z. Exact.
  package var inputs: [Double] {
    let product = Self.finite.filter { $0 != position }.reduce([1.0]) { coefficients, other in
      zip([0] + coefficients, coefficients + [0]).map { $0 - other * $1 }
    }
    return product + Array(repeating: 0, count: 6 - product.count)
  }

  /// a, for four rows of outputs: the powers of z. Exact.
  package var outputs: [Double] {
    guard let z = position else { return [0, 0, 0, 1] }
    return [1, z, z * z, z * z * z]
  }

  /// 1/Π (z − z′), rounded once.
  private var scale: Double {
    guard let z = position else { return 1 }
    return 1 / Self.finite.filter { $0 != z }.reduce(1) { $0 * (z - $1) }
  }

  /// û, the transformed weight of a column g of taps of binary32: by the operations of the kernels, bit for bit.
  package func weight(_ g: (Double, Double, Double)) -> Float {
    guard let z = position else { return Float(g.2) }
    return Float(scale * (g.0 + z * z * g.2) + scale * z * g.1)
  }

  /// |û − u| ≤ the result, u = (g₀ + z g₁ + z² g₂)/Π (z − z′): four roundings a term in binary64, the
  /// scale's among them, and one of their sum in binary32. γ₄ is less than 2⁻⁵⁰.
  package func weightErrorBound(_ g: (Double, Double, Double)) -> Double {
    guard let z = position?.magnitude else { return 0 }
    let up = Rounding.up
    let terms = up.sum(
      up.sum(g.0.magnitude, up.product(z, g.1.magnitude)), up.product(z * z, g.2.magnitude))
    return up.sum(
      up.product(up.product(scale.magnitude, terms), 0x1p-24 + 0x1p-50),
      Double(Float.leastNonzeroMagnitude))
  }

  /// ‖|B|‖₂ ≤ the result for the map B that repeats b every four rows: |B||B|ᵀ has ‖b‖² on its
  /// diagonal and, for each of at most two neighbours, with which two rows are shared,
  /// |b₀b₄| + |b₁b₅| beside it (Gershgorin).
  package var combinationNormUpperBound: Double {
    let b = inputs.map(\.magnitude)
    let shared = Rounding.up.sum(
      Rounding.up.product(b[0], b[4]), Rounding.up.product(b[1], b[5]))
    return Rounding.up.squareRoot(
      Rounding.up.sum(EuclideanNorm.squareUpperBound(b), Rounding.up.product(2, shared)))
  }

  /// ‖Û‖₂ ≤ the result for the correlation Û along rows of any length with weights
  /// outputs×inputs×1×3: Û is [Û₋₁ Û₀ Û₁] applied to three shifted copies of its input, whose norms
  /// are no larger than the input's, so that ‖Û‖ ≤ √3·‖[Û₋₁ Û₀ Û₁]‖ (Gram iteration).
  ///
  /// - Precondition: every weight is finite.
  package static func correlationNormUpperBound(_ weights: Tensor<Float>) -> Double {
    Rounding.up.product(
      Rounding.up.squareRoot(3),
      GramIteration.spectralNormUpperBound(
        weights.elements.map { Double($0) }, rows: weights.shape[0],
        columns: 3 * weights.shape[1]))
  }
}
