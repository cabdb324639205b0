// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// A square matrix in binary64, row-major.
package struct SquareMatrix: Equatable, Sendable {
  package let order: Int
  package var elements: [Double]

  package init(order: Int, elements: [Double]) {
    precondition(elements.count == order * order, "a square matrix has order² elements")
    self.order = order
    self.elements = elements
  }

  /// The matrix with `diagonal` on its diagonal and zeros elsewhere.
  package init(diagonal: [Double]) {
    self.init(
      order: diagonal.count, elements: Array(repeating: 0, count: diagonal.count * diagonal.count))
    for (index, value) in diagonal.enumerated() { elements[index * (order + 1)] = value }
  }

  package static func identity(_ order: Int) -> SquareMatrix {
    SquareMatrix(diagonal: Array(repeating: 1, count: order))
  }

  package subscript(row: Int, column: Int) -> Double {
    get { elements[row * order + column] }
    set { elements[row * order + column] = newValue }
  }

  package var transposed: SquareMatrix {
    SquareMatrix(
      order: order, elements: (0..<order * order).map { self[$0 % order, $0 / order] })
  }

  /// The element-wise sum, rounded to nearest.
  package static func + (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix {
    SquareMatrix(order: a.order, elements: zip(a.elements, b.elements).map(+))
  }

  /// The element-wise difference, rounded to nearest.
  package static func - (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix {
    SquareMatrix(order: a.order, elements: zip(a.elements, b.elements).map(-))
  }

  /// `factor` times the matrix, rounded to nearest; exact for a power of two.
  package static func * (factor: Double, a: SquareMatrix) -> SquareMatrix {
    SquareMatrix(order: a.order, elements: a.elements.map { factor * $0 })
  }

  /// The product, sums in any order: the error is at most γ_n‖A‖_F‖B‖_F in Frobenius' norm.
  package static func * (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix {
    let order = a.order
    var product = SquareMatrix(order: order, elements: Array(repeating: 0, count: order * order))
    BLAS.multiply(
      transposeA: false, transposeB: false, rows: order, columns: order, depth: order, alpha: 1,
      a.elements, lda: order, b.elements, ldb: order, beta: 0, &product.elements, ldc: order)
    return product
  }

  /// A x, one chain of fused operations for each component: the error is at most γ_n‖A‖_F‖x‖.
  package static func * (a: SquareMatrix, x: [Double]) -> [Double] {
    let order = a.order
    return a.elements.withUnsafeBufferPointer { rows in
      x.withUnsafeBufferPointer { x in
        (0..<order).map { Double.dot(order, rows.baseAddress! + $0 * order, x.baseAddress!) }
      }
    }
  }

  /// ‖A‖_F ≤ the result.
  package var frobeniusNormUpperBound: Double { EuclideanNorm.upperBound(elements) }

  /// LAPACK's ‖A‖₂, which errs by at most order·2u of itself (LAPACK Users' Guide, section 4.9.1);
  /// NaN when the iteration did not converge.
  package var spectralNormEstimate: Double {
    LAPACK.singularValues(elements, rows: order, columns: order)?.first ?? .nan
  }
}
