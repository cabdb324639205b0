// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A row-major matrix of complex numbers, or of real ones, in binary64. Every element of a real product is one chain of
/// fused operations, and a complex product is made of four: the same bits everywhere.
struct ComplexMatrix: Sendable {
  let rows: Int
  let columns: Int
  private(set) var real: [Double]
  /// Empty for a real matrix.
  private(set) var imaginary: [Double]

  init(rows: Int, columns: Int, real: [Double], imaginary: [Double] = []) {
    (self.rows, self.columns, self.real, self.imaginary) = (rows, columns, real, imaginary)
  }

  private var isComplex: Bool { !imaginary.isEmpty }

  /// The same made of other numbers, part by part.
  private func mapParts(
    rows: Int, columns: Int, _ body: (_ part: [Double], _ isImaginary: Bool) -> [Double]
  ) -> ComplexMatrix {
    ComplexMatrix(
      rows: rows, columns: columns, real: body(real, false),
      imaginary: isComplex ? body(imaginary, true) : [])
  }

  func rows(_ range: Range<Int>) -> ComplexMatrix {
    guard range != 0..<rows else { return self }
    return mapParts(rows: range.count, columns: columns) { part, _ in
      Array(part[range.lowerBound * columns..<range.upperBound * columns])
    }
  }

  private func block(_ rows: Range<Int>, _ columns: Range<Int>) -> ComplexMatrix {
    mapParts(rows: rows.count, columns: columns.count) { part, _ in
      var block: [Double] = []
      block.reserveCapacity(rows.count * columns.count)
      for row in rows {
        let start = row * self.columns
        block += part[start + columns.lowerBound..<start + columns.upperBound]
      }
      return block
    }
  }

  private mutating func set(_ block: ComplexMatrix, row: Int, column: Int) {
    let columns = columns
    func copy(_ source: [Double], to target: inout [Double]) {
      for i in 0..<(source.isEmpty ? 0 : block.rows) {
        for j in 0..<block.columns {
          target[(row + i) * columns + column + j] = source[i * block.columns + j]
        }
      }
    }
    copy(block.real, to: &real)
    copy(block.imaginary, to: &imaginary)
  }

  /// This matrix, and another of as many columns below it.
  func above(_ other: ComplexMatrix) -> ComplexMatrix {
    guard other.rows > 0 else { return self }
    return ComplexMatrix(
      rows: rows + other.rows, columns: columns, real: real + other.real,
      imaginary: imaginary + other.imaginary)
  }

  /// The conjugate transpose.
  var adjoint: ComplexMatrix {
    mapParts(rows: columns, columns: rows) { part, isImaginary in
      [Double](unsafeUninitializedCapacity: part.count) { transposed, count in
        for i in 0..<columns {
          for j in 0..<rows {
            let number = part[j * columns + i]
            transposed[i * rows + j] = isImaginary ? -number : number
          }
        }
        count = part.count
      }
    }
  }

  func scaled(by factor: Double) -> ComplexMatrix {
    mapParts(rows: rows, columns: columns) { part, _ in part.map { factor * $0 } }
  }

  /// Another matrix, times a number, added.
  func adding(_ other: ComplexMatrix, times factor: Double = 1) -> ComplexMatrix {
    func sum(_ a: [Double], _ b: [Double]) -> [Double] {
      [Double](unsafeUninitializedCapacity: a.count) { sum, count in
        for index in a.indices { sum[index] = a[index] + factor * b[index] }
        count = a.count
      }
    }
    return ComplexMatrix(
      rows: rows, columns: columns, real: sum(real, other.real),
      imaginary: sum(imaginary, other.imaginary))
  }

  /// A real number added to each element of the diagonal.
  func adding(_ number: Double) -> ComplexMatrix {
    var sum = self
    for i in 0..<min(rows, columns) { sum.real[i * columns + i] += number }
    return sum
  }

  /// A B times a number, with the adjoint of one of them or both where that is said.
  static func product(
    _ a: ComplexMatrix, adjointFirst aAdjoint: Bool = false, _ b: ComplexMatrix,
    adjointSecond bAdjoint: Bool = false, times factor: Double = 1
  ) -> ComplexMatrix {
    let (rows, depth) = aAdjoint ? (a.columns, a.rows) : (a.rows, a.columns)
    let columns = bAdjoint ? b.rows : b.columns
    func add(_ sign: Double, _ first: [Double], _ second: [Double], to sum: inout [Double]?) {
      let result = Tensor<Double>(shape: [rows, columns]) { result in
        first.withUnsafeBufferPointer { first in
          second.withUnsafeBufferPointer { second in
            func multiply(_ addend: UnsafePointer<Double>?) {
              Double.multiply(
                rows: 0..<rows, columns: 0..<columns, depth: depth,
                MatrixView(
                  elements: first.baseAddress!, stride: a.columns, transposed: aAdjoint),
                MatrixView(
                  elements: second.baseAddress!, stride: b.columns, transposed: bAdjoint),
                Epilogue(alpha: sign * factor, addend: addend, addendStride: columns),
                to: result,
                stride: columns)
            }
            if let sum {
              sum.withUnsafeBufferPointer { multiply($0.baseAddress) }
            } else {
              multiply(nil)
            }
          }
        }
      }
      sum = result.elements
    }
    guard rows > 0, columns > 0, depth > 0 else {
      let zeros = [Double](repeating: 0, count: rows * columns)
      return ComplexMatrix(
        rows: rows, columns: columns, real: zeros, imaginary: a.isComplex ? zeros : [])
    }
    var (real, imaginary): ([Double]?, [Double]?) = (nil, nil)
    add(1, a.real, b.real, to: &real)
    if a.isComplex {
      add(aAdjoint == bAdjoint ? -1 : 1, a.imaginary, b.imaginary, to: &real)
      add(bAdjoint ? -1 : 1, a.real, b.imaginary, to: &imaginary)
      add(aAdjoint ? -1 : 1, a.imaginary, b.real, to: &imaginary)
    }
    return ComplexMatrix(rows: rows, columns: columns, real: real!, imaginary: imaginary ?? [])
  }

  /// The inverse of a matrix M with Re xᴴMx ≥ ‖x‖² for all x, by blocks.
  ///
  /// No pivot is looked for, and none is below 1: of M = [[A, B], [C, D]], A has the property, and so does
  /// S = D − CA⁻¹B, since with z = (−A⁻¹Bx, x), Mz = (0, Sx) and Re xᴴSx = Re zᴴMz ≥ ‖z‖² ≥ ‖x‖².
  var inverse: ComplexMatrix {
    guard rows > 16 else { return smallInverse }
    let (first, second) = (0..<rows / 2, rows / 2..<rows)
    let lower = block(second, first)
    let corner = block(first, first).inverse
    let left = Self.product(lower, corner)
    let above = Self.product(corner, block(first, second))
    let complement = block(second, second).adding(Self.product(lower, above), times: -1).inverse
    let right = Self.product(above, complement, times: -1)
    var result = self
    result.set(corner.adding(Self.product(right, left), times: -1), row: 0, column: 0)
    result.set(right, row: 0, column: rows / 2)
    result.set(Self.product(complement, left, times: -1), row: rows / 2, column: 0)
    result.set(complement, row: rows / 2, column: rows / 2)
    return result
  }

  /// By Gauss and Jordan's elimination in place, with the same pivots.
  private var smallInverse: ComplexMatrix {
    var (a, b) = (real, imaginary)
    let n = rows
    a.withUnsafeMutableBufferPointer { a in
      b.withUnsafeMutableBufferPointer { b in
        if b.isEmpty {
          Self.invert(n, a)
        } else {
          Self.invert(n, a, b)
        }
      }
    }
    return ComplexMatrix(rows: n, columns: n, real: a, imaginary: b)
  }

  private static func invert(_ n: Int, _ a: UnsafeMutableBufferPointer<Double>) {
    for k in 0..<n {
      let reciprocal = 1 / a[k * n + k]
      a[k * n + k] = 1
      for j in 0..<n { a[k * n + j] *= reciprocal }
      for i in 0..<n where i != k {
        let factor = a[i * n + k]
        a[i * n + k] = 0
        for j in 0..<n { a[i * n + j] -= factor * a[k * n + j] }
      }
    }
  }

  private static func invert(
    _ n: Int, _ a: UnsafeMutableBufferPointer<Double>, _ b: UnsafeMutableBufferPointer<Double>
  ) {
    for k in 0..<n {
      let (x, y) = (a[k * n + k], b[k * n + k])
      let square = x * x + y * y
      let (p, q) = (x / square, -y / square)
      (a[k * n + k], b[k * n + k]) = (1, 0)
      for j in k * n..<(k + 1) * n {
        (a[j], b[j]) = (a[j] * p - b[j] * q, a[j] * q + b[j] * p)
      }
      for i in 0..<n where i != k {
        let (u, v) = (a[i * n + k], b[i * n + k])
        (a[i * n + k], b[i * n + k]) = (0, 0)
        for j in 0..<n {
          let (c, d) = (a[k * n + j], b[k * n + j])
          a[i * n + j] -= u * c - v * d
          b[i * n + j] -= u * d + v * c
        }
      }
    }
  }
}
