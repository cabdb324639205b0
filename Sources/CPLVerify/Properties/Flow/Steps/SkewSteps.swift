// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference
import Foundation

/// A computed matrix and how far, in Frobenius' norm, it may lie from the exact one.
package struct EnclosedMatrix: Sendable {
  package var value: SquareMatrix
  package var errorBound: Double
}

extension EnclosedMatrix {
  /// ‖ÂᵀÂ − I‖_F of the computed matrix, and how large it may be when the exact matrix is orthogonal:
  /// with E = Â − A, AᵀA = I and e ≥ ‖E‖_F it is at most 2e + e², and computing it adds
  /// γ_n‖Â‖_F² and a rounding.
  package var orthogonalityDefect: (value: Double, tolerance: Double) {
    let defect =
      (value.transposed * value - .identity(value.order)).frobeniusNormUpperBound
    let size = value.frobeniusNormUpperBound
    let rounding = Rounding.gamma(value.order + 2) * size * size
    return (defect, (2 * errorBound + errorBound * errorBound + rounding) * (1 + 0x1p-40))
  }
}

/// The discretisations of dx/dt = A x, A skew, as matrices by which x is multiplied.
package enum SkewStep {
  /// I + hA, the explicit Euler scheme.
  ///
  /// - Returns: the matrix and a bound on its rounding.
  package static func explicitEuler(_ a: SquareMatrix, stepSize: Double) -> EnclosedMatrix {
    let sum = .identity(a.order) + stepSize * a
    return EnclosedMatrix(
      value: sum, errorBound: 2.1 * Rounding.unitRoundoff * sum.frobeniusNormUpperBound)
  }

  /// (I − hA/2)⁻¹(I + hA/2), the implicit midpoint rule: Cayley's transform.
  ///
  /// *Error.* With R = (I − hA/2)Q̂ − (I + hA/2), Q̂ − Q = (I − hA/2)⁻¹R, and
  /// ‖(I − hA/2)⁻¹‖₂ ≤ 1 for the symmetric part of I − hA/2 is I, A being skew. So
  /// ‖Q̂ − Q‖_F ≤ ‖R‖_F, whatever the solver did; computing R adds
  /// γ_n‖I − hA/2‖_F‖Q̂‖_F and roundings of its terms.
  ///
  /// - Throws: `enclosureNotFound` when elimination meets a zero pivot.
  package static func cayley(
    _ a: SquareMatrix, stepSize: Double
  ) throws(VerificationError) -> EnclosedMatrix {
    let order = a.order
    let half = (stepSize / 2) * a
    let (left, right) = (SquareMatrix.identity(order) - half, SquareMatrix.identity(order) + half)
    // The right sides are columns of I + hA/2, and so are the solutions of Q.
    guard
      let columns = LAPACK.solve(
        left.elements, order: order, rightSides: right.transposed.elements)
    else { throw .enclosureNotFound(what: "Cayley's transform", reason: "I − hA/2 is singular") }
    let value = SquareMatrix(order: order, elements: columns).transposed
    let residual = left * value - right
    let size = left.frobeniusNormUpperBound * value.frobeniusNormUpperBound
    // left and right themselves err by 2u of themselves.
    let rounding =
      Rounding.gamma(order + 4) * (size + right.frobeniusNormUpperBound)
    return EnclosedMatrix(
      value: value, errorBound: Rounding.up.sum(residual.frobeniusNormUpperBound, rounding))
  }

  /// S_k = Σ_{i<k} Aⁱ/i!, by Horner's rule, of any matrix.
  ///
  /// *Rounding.* T ← I + A T̂/j errs by ‖A‖_F/j of T̂'s error, by γ_{n+1}‖A‖_F‖T̂‖_F/j for the
  /// product and the quotient and by u‖T̂‖_F for the sum.
  ///
  /// - Returns: the matrix and a bound on its rounding; the truncation is not in it.
  package static func exponentialSeries(_ a: SquareMatrix, terms: Int) -> EnclosedMatrix {
    precondition(terms >= 1, "a series has a first term")
    let norm = a.frobeniusNormUpperBound
    var sum = EnclosedMatrix(value: .identity(a.order), errorBound: 0)
    for index in stride(from: terms - 1, to: 0, by: -1) {
      let scale = norm / Double(index)
      let before = sum.value.frobeniusNormUpperBound
      sum.value = .identity(a.order) + (1 / Double(index)) * (a * sum.value)
      sum.errorBound =
        (scale * sum.errorBound + Rounding.gamma(a.order + 3) * scale * before
          + 1.1 * Rounding.unitRoundoff * sum.value.frobeniusNormUpperBound) * (1 + 0x1p-40)
    }
    return sum
  }

  /// exp(A) of a skew matrix by scaling and squaring.
  ///
  /// B = A/2^s, exactly, with ‖B‖_F ≤ ½; its series of 18 terms errs by at most ½¹⁸/18! < 10⁻²¹;
  /// X ← X² turns an error e into 2e + e², for ‖exp(B)‖₂ = 1, and adds γ_n‖X̂‖_F².
  ///
  /// - Complexity: 17 + s products of n×n matrices.
  package static func exponential(ofSkew a: SquareMatrix) -> EnclosedMatrix {
    let norm = a.frobeniusNormUpperBound
    let squarings = norm.isFinite && norm > 0.5 ? Int((2 * norm).exponent) + 1 : 0
    var power = exponentialSeries(
      Double(sign: .plus, exponent: -squarings, significand: 1) * a, terms: 18)
    power.errorBound += 1e-21
    for _ in 0..<squarings {
      let (error, size) = (power.errorBound, power.value.frobeniusNormUpperBound)
      power.value = power.value * power.value
      power.errorBound =
        (2 * error + error * error + Rounding.gamma(a.order) * size * size) * (1 + 0x1p-40)
    }
    return power
  }
}

extension EnclosedMatrix {
  /// Multiplication by the matrix: ‖Âx − Ax‖ ≤ (errorBound + γ_n‖Â‖_F)‖x‖.
  package func apply(_ x: [Double]) -> Evaluation {
    let factor =
      errorBound + Rounding.gamma(value.order + 2) * value.frobeniusNormUpperBound
    return Evaluation(
      value: value * x, errorBound: factor * EuclideanNorm.upperBound(x) * (1 + 0x1p-40))
  }
}
