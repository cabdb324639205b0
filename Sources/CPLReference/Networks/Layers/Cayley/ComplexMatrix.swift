// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A row-major matrix of complex numbers, or of real ones, in binary64. Every element of a real product is one chain of
/// fused operations, and a complex product is made of four: the same bits everywhere.
struct ComplexMatrix: Sendable {
  let rows: Int
  let columns: Int
  let isComplex: Bool
  /// The real part, and behind it the imaginary part of a complex matrix.
  private(set) var elements: [Double]

  /// A matrix whose elements `initialize` writes, each of them.
  init(
    rows: Int, columns: Int, isComplex: Bool,
    initializingWith initialize: (UnsafeMutablePointer<Double>) -> Void
  ) {
    (self.rows, self.columns, self.isComplex) = (rows, columns, isComplex)
    let count = rows * columns * (isComplex ? 2 : 1)
    elements = [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { initialize(base) }
      initialized = count
    }
  }

  /// The real and the imaginary part, or the real one alone.
  private var parts: Range<Int> { 0..<(isComplex ? 2 : 1) }

  private func withElements<Result>(_ body: (UnsafePointer<Double>) -> Result) -> Result? {
    elements.withUnsafeBufferPointer { $0.baseAddress.map(body) }
  }

  func rows(_ range: Range<Int>) -> ComplexMatrix {
    guard range != 0..<rows else { return self }
    return ComplexMatrix(rows: range.count, columns: columns, isComplex: isComplex) { target in
      withElements { source in
        let count = range.count * columns
        for part in parts {
          let start = (part * rows + range.lowerBound) * columns
          (target + part * count).initialize(from: source + start, count: count)
        }
      }
    }
  }

  /// This matrix, and another of as many columns below it.
  func above(_ other: ComplexMatrix) -> ComplexMatrix {
    guard other.rows > 0 else { return self }
    return ComplexMatrix(rows: rows + other.rows, columns: columns, isComplex: isComplex) {
      target in
      var target = target
      for part in parts {
        for matrix in [self, other] {
          let count = matrix.rows * columns
          matrix.withElements { target.initialize(from: $0 + part * count, count: count) }
          target += count
        }
      }
    }
  }

  /// The conjugate transpose.
  var adjoint: ComplexMatrix {
    ComplexMatrix(rows: columns, columns: rows, isComplex: isComplex) { target in
      withElements { source in
        let count = rows * columns
        for part in parts {
          Double.transpose(
            rows: rows, columns: columns, source + part * count, stride: columns,
            to: target + part * count, stride: rows)
        }
        if isComplex { for index in count..<2 * count { target[index] = -target[index] } }
      }
    }
  }

  /// Another matrix, times a number, added.
  func adding(_ other: ComplexMatrix, times factor: Double = 1) -> ComplexMatrix {
    ComplexMatrix(rows: rows, columns: columns, isComplex: isComplex) { sum in
      withElements { a in
        other.withElements { b in
          for index in 0..<elements.count { sum[index] = a[index] + factor * b[index] }
        }
      }
    }
  }

  /// This matrix times a number, and another number added to each element of the diagonal.
  func scaled(by factor: Double = 1, adding number: Double) -> ComplexMatrix {
    ComplexMatrix(rows: rows, columns: columns, isComplex: isComplex) { scaled in
      withElements { a in
        for index in 0..<elements.count { scaled[index] = factor * a[index] }
      }
      for i in 0..<min(rows, columns) { scaled[i * columns + i] += number }
    }
  }

  /// A B times a number, or AᴴB times a number.
  static func product(
    _ a: ComplexMatrix, adjointFirst: Bool = false, _ b: ComplexMatrix, times factor: Double = 1
  ) -> ComplexMatrix {
    let (rows, depth) = adjointFirst ? (a.columns, a.rows) : (a.rows, a.columns)
    let product = ComplexMatrix(rows: rows, columns: b.columns, isComplex: a.isComplex) { result in
      guard depth > 0 else {
        result.initialize(repeating: 0, count: rows * b.columns * a.parts.count)
        return
      }
      a.withElements { first in
        b.withElements { second in
          Block(result, rows: rows, columns: b.columns, a.isComplex).set(
            rows: rows, columns: b.columns, depth: depth, factor,
            Block(first, rows: a.rows, columns: a.columns, a.isComplex), adjoint: adjointFirst,
            Block(second, rows: b.rows, columns: b.columns, a.isComplex), adding: false)
        }
      }
    }
    return product
  }

  /// The inverse of a matrix M with Re xᴴMx ≥ ‖x‖² for all x, by blocks.
  ///
  /// No pivot is looked for, and none is below 1: of M = [[A, B], [C, D]], A has the property, and so does
  /// S = D − CA⁻¹B, since with z = (−A⁻¹Bx, x), Mz = (0, Sx) and Re xᴴSx = Re zᴴMz ≥ ‖z‖² ≥ ‖x‖².
  consuming func inverse() -> ComplexMatrix {
    let (n, isComplex) = (rows, isComplex)
    var inverse = self
    inverse.elements.withUnsafeMutableBufferPointer { elements in
      guard let start = elements.baseAddress else { return }
      withUnsafeTemporaryAllocation(of: Double.self, capacity: elements.count) { scratch in
        Block(start, rows: n, columns: n, isComplex).invert(n, scratch: scratch.baseAddress!)
      }
    }
    return inverse
  }
}

/// Some rows and columns of a complex or real matrix where they lie.
private struct Block {
  let real: UnsafeMutablePointer<Double>
  /// nil for a real matrix.
  let imaginary: UnsafeMutablePointer<Double>?
  /// The distance between rows.
  let stride: Int

  init(_ elements: UnsafeMutablePointer<Double>, rows: Int, columns: Int, _ isComplex: Bool) {
    (real, stride) = (elements, columns)
    imaginary = isComplex ? elements + rows * columns : nil
  }

  /// Of a matrix that is only read.
  init(_ elements: UnsafePointer<Double>, rows: Int, columns: Int, _ isComplex: Bool) {
    self.init(UnsafeMutablePointer(mutating: elements), rows: rows, columns: columns, isComplex)
  }

  private init(_ block: Block, row: Int, column: Int) {
    (real, stride) = (block.real + row * block.stride + column, block.stride)
    imaginary = block.imaginary.map { $0 + row * block.stride + column }
  }

  /// This ← this, or nothing, + factor · A B, or AᴴB.
  func set(
    rows: Int, columns: Int, depth: Int, _ factor: Double, _ a: Block, adjoint: Bool = false,
    _ b: Block, adding: Bool
  ) {
    func add(
      _ factor: Double, _ first: UnsafePointer<Double>, _ second: UnsafePointer<Double>,
      to sum: UnsafeMutablePointer<Double>, adding: Bool
    ) {
      Double.multiply(
        rows: 0..<rows, columns: 0..<columns, depth: depth,
        MatrixView(elements: first, stride: a.stride, transposed: adjoint),
        MatrixView(elements: second, stride: b.stride),
        Epilogue(
          alpha: factor, addend: adding ? UnsafePointer(sum) : nil, addendStride: stride),
        to: sum, stride: stride)
    }
    add(factor, a.real, b.real, to: real, adding: adding)
    guard let imaginary, let first = a.imaginary, let second = b.imaginary else { return }
    add(adjoint ? factor : -factor, first, second, to: real, adding: true)
    add(factor, a.real, second, to: imaginary, adding: adding)
    add(adjoint ? -factor : factor, first, b.real, to: imaginary, adding: true)
  }

  /// This ← its inverse, `ComplexMatrix.inverse`.
  ///
  /// - Parameter scratch: room for as many numbers.
  func invert(_ n: Int, scratch: UnsafeMutablePointer<Double>) {
    guard n > 8 else {
      if let imaginary { eliminate(n, imaginary) } else { eliminate(n) }
      return
    }
    let (half, rest) = (n / 2, n - n / 2)
    let (corner, upper) = (self, Block(self, row: 0, column: half))
    let (lower, complement) = (
      Block(self, row: half, column: 0), Block(self, row: half, column: half)
    )
    let (isComplex, size) = (imaginary != nil, half * rest * (imaginary == nil ? 1 : 2))
    let left = Block(scratch, rows: rest, columns: half, isComplex)
    let above = Block(scratch + size, rows: half, columns: rest, isComplex)
    let scratch = scratch + 2 * size
    corner.invert(half, scratch: scratch)
    left.set(rows: rest, columns: half, depth: half, 1, lower, corner, adding: false)
    above.set(rows: half, columns: rest, depth: half, 1, corner, upper, adding: false)
    complement.set(rows: rest, columns: rest, depth: half, -1, lower, above, adding: true)
    complement.invert(rest, scratch: scratch)
    upper.set(rows: half, columns: rest, depth: rest, -1, above, complement, adding: false)
    lower.set(rows: rest, columns: half, depth: rest, -1, complement, left, adding: false)
    corner.set(rows: half, columns: half, depth: rest, -1, upper, left, adding: true)
  }

  /// Gauss and Jordan's elimination in place, with the same pivots, of a real matrix.
  private func eliminate(_ n: Int) {
    for k in 0..<n {
      let pivot = real + k * stride
      let reciprocal = 1 / pivot[k]
      pivot[k] = 1
      for j in 0..<n { pivot[j] *= reciprocal }
      for i in 0..<n where i != k {
        let row = real + i * stride
        let factor = row[k]
        row[k] = 0
        for j in 0..<n { row[j] -= factor * pivot[j] }
      }
    }
  }

  /// The same of a complex matrix.
  private func eliminate(_ n: Int, _ imaginary: UnsafeMutablePointer<Double>) {
    for k in 0..<n {
      let (a, b) = (real + k * stride, imaginary + k * stride)
      let (x, y) = (a[k], b[k])
      let square = x * x + y * y
      let (p, q) = (x / square, -y / square)
      (a[k], b[k]) = (1, 0)
      for j in 0..<n { (a[j], b[j]) = (a[j] * p - b[j] * q, a[j] * q + b[j] * p) }
      for i in 0..<n where i != k {
        let (c, d) = (real + i * stride, imaginary + i * stride)
        let (u, v) = (c[k], d[k])
        (c[k], d[k]) = (0, 0)
        for j in 0..<n {
          c[j] -= u * a[j] - v * b[j]
          d[j] -= u * b[j] + v * a[j]
        }
      }
    }
  }
}
