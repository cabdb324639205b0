// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A matrix with orthonormal columns, or rows where it is wide, made of any matrix [U; V] (Trockman and Kolter, ICLR
/// 2021, section 3), in binary64:
///
///     A = U − Uᵀ + VᵀV,   Q = [(I + A)⁻¹(I − A); −2 V (I + A)⁻¹] = [2N − I; −2 V N],   N = (I + A)⁻¹
///
/// QᵀQ = I: with S = U − Uᵀ and P = VᵀV, (2N − I)ᵀ(2N − I) + 4NᵀPN = I + Nᵀ(4I − 2(I + A) − 2(I + A)ᵀ + 4P)N, and
/// (I + A) + (I + A)ᵀ = 2I + 2P. A wide matrix is transposed before and after.
struct CayleyTransform: Sendable {
  /// Q, in the shape of the matrix that it was made of.
  let orthogonal: Tensor<Double>
  private let isWide: Bool
  /// V, rows × n.
  private let lower: Matrix
  /// N.
  private let inverse: Matrix

  init(_ weights: Tensor<Double>) {
    let given = Matrix(weights)
    isWide = given.columns > given.rows
    let tall = isWide ? given.transposed : given
    let n = tall.columns
    let upper = tall.rows(0..<n)
    lower = tall.rows(n..<tall.rows)
    var sum = Matrix.product(lower.transposed, lower)
    for i in 0..<n {
      for j in 0..<n { sum[i, j] += upper[i, j] - upper[j, i] + (i == j ? 1 : 0) }
    }
    inverse = sum.inverse
    var top = inverse.scaled(by: 2)
    for i in 0..<n { top[i, i] -= 1 }
    let bottom = Matrix.product(lower, inverse).scaled(by: -2)
    let whole = Matrix(
      rows: tall.rows, columns: n, elements: top.elements + bottom.elements)
    orthogonal = (isWide ? whole.transposed : whole).tensor
  }

  /// The gradient with respect to [U; V], given that with respect to Q.
  ///
  /// With Q̄ = [Q̄₁; Q̄₂]: N̄ = 2Q̄₁ − 2VᵀQ̄₂, Ā = −Nᵀ N̄ Nᵀ, Ū = Ā − Āᵀ, V̄ = −2Q̄₂Nᵀ + V(Ā + Āᵀ).
  func gradient(of orthogonal: Tensor<Double>) -> Tensor<Double> {
    let given = Matrix(orthogonal)
    let tall = isWide ? given.transposed : given
    let n = tall.columns
    let (top, bottom) = (tall.rows(0..<n), tall.rows(n..<tall.rows))
    let transposedInverse = inverse.transposed
    let ofInverse = (top - Matrix.product(lower.transposed, bottom)).scaled(by: 2)
    let ofSum = Matrix.product(Matrix.product(transposedInverse, ofInverse), transposedInverse)
      .scaled(by: -1)
    let upper = ofSum - ofSum.transposed
    let symmetric = ofSum - ofSum.transposed.scaled(by: -1)
    let below =
      Matrix.product(lower, symmetric)
      - Matrix.product(bottom, transposedInverse).scaled(by: 2)
    let whole = Matrix(
      rows: tall.rows, columns: n, elements: upper.elements + below.elements)
    return (isWide ? whole.transposed : whole).tensor
  }
}

/// A row-major matrix. Every element of a product is one chain of fused operations: the same bits everywhere.
private struct Matrix: Sendable {
  let rows: Int
  let columns: Int
  var elements: [Double]

  init(rows: Int, columns: Int, elements: [Double]) {
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  init(_ tensor: Tensor<Double>) {
    self.init(rows: tensor.shape[0], columns: tensor.shape[1], elements: tensor.elements)
  }

  var tensor: Tensor<Double> { Tensor(shape: [rows, columns], elements: elements) }

  subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows, elements: elements)
    for i in 0..<rows {
      for j in 0..<columns { result[j, i] = self[i, j] }
    }
    return result
  }

  func rows(_ range: Range<Int>) -> Matrix {
    Matrix(
      rows: range.count, columns: columns,
      elements: Array(elements[range.lowerBound * columns..<range.upperBound * columns]))
  }

  private func block(_ rows: Range<Int>, _ columns: Range<Int>) -> Matrix {
    Matrix(
      rows: rows.count, columns: columns.count,
      elements: rows.flatMap { row in
        elements[
          row * self.columns + columns.lowerBound..<row * self.columns + columns.upperBound]
      })
  }

  func scaled(by factor: Double) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: elements.map { factor * $0 })
  }

  static func - (first: Matrix, second: Matrix) -> Matrix {
    Matrix(
      rows: first.rows, columns: first.columns,
      elements: zip(first.elements, second.elements).map { $0 - $1 })
  }

  static func product(_ a: Matrix, _ b: Matrix) -> Matrix {
    guard a.rows > 0, a.columns > 0, b.columns > 0 else {
      return Matrix(
        rows: a.rows, columns: b.columns,
        elements: Array(repeating: 0, count: a.rows * b.columns))
    }
    let result = Tensor<Double>(shape: [a.rows, b.columns]) { result in
      a.elements.withUnsafeBufferPointer { first in
        b.elements.withUnsafeBufferPointer { second in
          Double.multiply(
            rows: 0..<a.rows, columns: 0..<b.columns, depth: a.columns,
            MatrixView(elements: first.baseAddress!, stride: a.columns),
            MatrixView(elements: second.baseAddress!, stride: b.columns), Epilogue(), to: result,
            stride: b.columns)
        }
      }
    }
    return Matrix(result)
  }

  /// The inverse of a matrix M with xᵀMx ≥ ‖x‖² for all x, by blocks.
  ///
  /// No pivot is looked for, and none is below 1: of M = [[A, B], [C, D]], A has the property, and so does
  /// S = D − CA⁻¹B, since with z = (−A⁻¹Bx, x), Mz = (0, Sx) and xᵀSx = zᵀMz ≥ ‖z‖² ≥ ‖x‖².
  var inverse: Matrix {
    guard rows > 8 else { return smallInverse }
    let (first, second) = (0..<rows / 2, rows / 2..<rows)
    let corner = block(first, first).inverse
    let left = Matrix.product(block(second, first), corner)
    let above = Matrix.product(corner, block(first, second))
    let complement =
      (block(second, second) - Matrix.product(block(second, first), above)).inverse
    let right = Matrix.product(above, complement).scaled(by: -1)
    let below = Matrix.product(complement, left).scaled(by: -1)
    let top = corner - Matrix.product(right, left)
    var result = Matrix(
      rows: rows, columns: rows, elements: Array(repeating: 0, count: rows * rows))
    for (part, rowRange, columnRange) in [
      (top, first, first), (right, first, second), (below, second, first),
      (complement, second, second),
    ] {
      for (i, row) in rowRange.enumerated() {
        for (j, column) in columnRange.enumerated() { result[row, column] = part[i, j] }
      }
    }
    return result
  }
  /// By Gauss and Jordan's elimination in place, with the same pivots.
  private var smallInverse: Matrix {
    var result = self
    let n = rows
    result.elements.withUnsafeMutableBufferPointer { elements in
      for k in 0..<n {
        let reciprocal = 1 / elements[k * n + k]
        elements[k * n + k] = 1
        for j in 0..<n { elements[k * n + j] *= reciprocal }
        for i in 0..<n where i != k {
          let factor = elements[i * n + k]
          elements[i * n + k] = 0
          for j in 0..<n { elements[i * n + j] -= factor * elements[k * n + j] }
        }
      }
    }
    return result
  }
}
