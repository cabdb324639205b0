// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Lanczos' method for the largest eigenvalue of a symmetric positive semi-definite operator,
/// with full reorthogonalisation and restarts.
///
/// What comes out is an **estimate**: it says where to look for a proof, and gives the vector of
/// a lower bound that holds for every vector. Nothing is concluded from its convergence.
package enum Lanczos {
  /// An approximate eigenpair, the vector of norm about 1.
  package struct Estimate: Sendable {
    package let eigenvalue: Double
    package let vector: [Double]
  }

  /// y ← A x, both of the operator's order.
  package typealias Operator = (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void

  /// Estimates the largest eigenvalue of `apply` and a vector that belongs to it.
  ///
  /// Stops when the Ritz vector's residual is below `tolerance` times the Ritz value, which errs by
  /// about the square of that, divided by the eigenvalue's relative distance to the next.
  ///
  /// - Parameter basisLimit: the most vectors that are kept; from the best vector in their span a
  ///   new basis is started, at most `restarts` times.
  /// - Returns: nil when A x is zero or not finite for the random start.
  /// - Complexity: at most basisLimit · restarts applications, O(basisLimit) vectors of memory.
  package static func largestEigenpair(
    order: Int, tolerance: Double = 1e-8, basisLimit: Int = 160, restarts: Int = 6,
    apply: Operator
  ) -> Estimate? {
    var random = CounterRandom(seed: 0, purpose: .bounds)
    var best = Estimate(eigenvalue: 0, vector: random.normals(order))
    for _ in 0..<restarts {
      guard
        let (estimate, converged) = expand(
          from: best.vector, steps: min(order, basisLimit), tolerance: tolerance, apply: apply)
      else { break }
      best = estimate
      if converged { break }
    }
    return best.eigenvalue > 0 ? best : nil
  }

  /// One basis, grown from `start` until its Ritz pair has converged or it has `steps` vectors.
  private static func expand(
    from start: [Double], steps: Int, tolerance: Double, apply: Operator
  ) -> (Estimate, converged: Bool)? {
    let order = start.count
    let length = EuclideanNorm.upperBound(start)
    guard length > 0, length.isFinite else { return nil }
    // The basis, one vector a row; A's projection on it is tridiagonal.
    var basis = [Double](repeating: 0, count: (steps + 1) * order)
    for i in 0..<order { basis[i] = start[i] / length }
    var diagonal: [Double] = []
    var offDiagonal: [Double] = []
    var next = [Double](repeating: 0, count: order)
    while true {
      let used = diagonal.count + 1
      basis.withUnsafeBufferPointer { rows in
        next.withUnsafeMutableBufferPointer { vector in
          let last = rows.baseAddress! + (used - 1) * order
          apply(last, vector.baseAddress!)
          diagonal.append(Double.dot(order, last, vector.baseAddress!))
          for _ in 0..<2 {
            orthogonalize(vector.baseAddress!, against: rows.baseAddress!, rows: used, order: order)
          }
        }
      }
      let remainder = EuclideanNorm.upperBound(next)
      guard remainder.isFinite else { return nil }
      let scale = diagonal.reduce(0, max)
      let isExhausted = used == steps || remainder <= 1e-13 * scale
      if isExhausted || used % 8 == 0 {
        guard let ritz = ritzPair(diagonal: diagonal, offDiagonal: offDiagonal) else { return nil }
        let isConverged = remainder * ritz.vector[used - 1].magnitude <= tolerance * ritz.value
        if isConverged || isExhausted {
          return (
            combine(basis, by: ritz, order: order), isConverged || remainder <= 1e-13 * scale
          )
        }
      }
      offDiagonal.append(remainder)
      for i in 0..<order { basis[used * order + i] = next[i] / remainder }
    }
  }

  /// v ← v − QᵀQ v, Q's rows being orthonormal.
  private static func orthogonalize(
    _ vector: UnsafeMutablePointer<Double>, against basis: UnsafePointer<Double>, rows: Int,
    order: Int
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: rows) { coefficients in
      let projection = coefficients.baseAddress!
      projection.initialize(repeating: 0, count: rows)
      BLAS.multiply(
        transposeA: false, rows: rows, columns: order, alpha: 1, basis, lda: order, vector,
        beta: 0, projection)
      BLAS.multiply(
        transposeA: true, rows: rows, columns: order, alpha: -1, basis, lda: order, projection,
        beta: 1, vector)
    }
  }

  /// The largest eigenpair of the tridiagonal projection.
  private static func ritzPair(
    diagonal: [Double], offDiagonal: [Double]
  ) -> (value: Double, vector: [Double])? {
    let order = diagonal.count
    var matrix = [Double](repeating: 0, count: order * order)
    for i in 0..<order {
      matrix[i * order + i] = diagonal[i]
      if i + 1 < order { matrix[i * order + i + 1] = offDiagonal[i] }
    }
    return LAPACK.largestEigenpair(matrix, order: order)
  }

  /// The vector of the operator's space that a Ritz vector stands for.
  private static func combine(
    _ basis: [Double], by ritz: (value: Double, vector: [Double]), order: Int
  ) -> Estimate {
    var vector = [Double](repeating: 0, count: order)
    basis.withUnsafeBufferPointer { rows in
      BLAS.multiply(
        transposeA: true, rows: ritz.vector.count, columns: order, alpha: 1, rows.baseAddress!,
        lda: order, ritz.vector, beta: 0, &vector)
    }
    return Estimate(eigenvalue: ritz.value, vector: vector)
  }
}
