// SPDX-License-Identifier: Apache-2.0

import COpenBLAS

/// The LAPACK routines that bounds and their oracles need, in binary64.
///
/// LAPACK is column-major. A symmetric matrix is its own transpose, so for row-major callers
/// "lower" and "upper" trade places; each function says which triangle it reads.
package enum LAPACK {
  /// Cholesky's factorisation of a symmetric n×n matrix, in place.
  ///
  /// `matrix` is row-major and its **upper** triangle is read (column-major: the lower one); it
  /// is overwritten by the factor.
  ///
  /// - Returns: LAPACK's info: 0 when the factorisation ran to its end (NaN may pass unseen:
  ///   look at the diagonal), k > 0 when the k-th leading minor is not positive.
  package static func choleskyFactor(_ matrix: inout [Double], order: Int) -> Int {
    precondition(matrix.count == order * order)
    BLAS.singleThreaded
    var n = Int32(order)
    var lda = Int32(max(1, order))
    var info: Int32 = 0
    dpotrf_("L", &n, &matrix, &lda, &info, 1)
    return Int(info)
  }

  /// Cholesky's factorisation of a symmetric band matrix, in place.
  ///
  /// `band` holds n rows of bandwidth + 1 numbers: row j is A(j, j), A(j+1, j), …,
  /// A(j+bandwidth, j), that is LAPACK's lower band storage, column by column. Entries past the
  /// last row are not read.
  ///
  /// - Returns: as `choleskyFactor`. Afterwards `band[j * (bandwidth + 1)]` is the factor's
  ///   j-th diagonal entry.
  package static func bandCholeskyFactor(
    _ band: inout [Double], order: Int, bandwidth: Int
  ) -> Int {
    precondition(band.count == order * (bandwidth + 1))
    BLAS.singleThreaded
    var n = Int32(order)
    var kd = Int32(bandwidth)
    var ldab = Int32(bandwidth + 1)
    var info: Int32 = 0
    dpbtrf_("L", &n, &kd, &band, &ldab, &info, 1)
    return Int(info)
  }

  /// The largest eigenvalue of a symmetric n×n matrix and a unit vector that belongs to it, to
  /// working accuracy.
  ///
  /// `matrix` is row-major and its **upper** triangle is read.
  ///
  /// - Returns: nil when the iteration did not converge, and for NaN.
  package static func largestEigenpair(
    _ matrix: [Double], order: Int
  ) -> (value: Double, vector: [Double])? {
    precondition(matrix.count == order * order && order > 0)
    BLAS.singleThreaded
    var a = matrix
    var n = Int32(order)
    var unused = 0.0
    var tolerance = 0.0
    var found: Int32 = 0
    var value = [Double](repeating: 0, count: order)
    var vector = [Double](repeating: 0, count: order)
    var support = [Int32](repeating: 0, count: 2 * order)
    var index = n
    // The routine's documented minima.
    var workSize = Int32(26 * order)
    var work = [Double](repeating: 0, count: 26 * order)
    var integerSize = Int32(10 * order)
    var integers = [Int32](repeating: 0, count: 10 * order)
    var info: Int32 = 0
    var lda = n
    var ldz = n
    var alsoUnused = 0.0
    var sameIndex = n
    dsyevr_(
      "V", "I", "L", &n, &a, &lda, &unused, &alsoUnused, &index, &sameIndex, &tolerance, &found,
      &value, &vector, &ldz, &support, &work, &workSize, &integers, &integerSize, &info, 1, 1, 1)
    guard info == 0, found == 1, value[0].isFinite else { return nil }
    return (value[0], vector)
  }

  /// The solutions of A x = b for each right side, by Gaussian elimination with partial pivoting.
  ///
  /// `matrix` is row-major n×n; `rightSides` holds whole vectors b one after the other, and the
  /// result the vectors x in the same way.
  ///
  /// - Returns: nil when a pivot is zero. How good a solution is its residual tells.
  package static func solve(
    _ matrix: [Double], order: Int, rightSides: [Double]
  ) -> [Double]? {
    precondition(matrix.count == order * order && order > 0)
    precondition(rightSides.count.isMultiple(of: order))
    BLAS.singleThreaded
    var a = matrix
    var x = rightSides
    var n = Int32(order)
    var lda = n
    var ldb = n
    var count = Int32(rightSides.count / order)
    var pivots = [Int32](repeating: 0, count: order)
    var info: Int32 = 0
    dgetrf_(&n, &ldb, &a, &lda, &pivots, &info)
    guard info == 0 else { return nil }
    // LAPACK sees Aᵀ, and solves with its transpose.
    dgetrs_("T", &n, &count, &a, &lda, &pivots, &x, &ldb, &info, 1)
    return info == 0 ? x : nil
  }

  /// All singular values, largest first, of a row-major rows×columns matrix (divide and conquer).
  ///
  /// - Returns: nil when the iteration did not converge.
  package static func singularValues(_ matrix: [Double], rows: Int, columns: Int) -> [Double]? {
    precondition(matrix.count == rows * columns)
    BLAS.singleThreaded
    guard rows > 0, columns > 0 else { return [] }
    // Row-major rows×columns is column-major columns×rows: the transpose, with the same values.
    var a = matrix
    var m = Int32(columns)
    var n = Int32(rows)
    var lda = m
    var one: Int32 = 1
    var info: Int32 = 0
    var values = [Double](repeating: 0, count: min(rows, columns))
    var integers = [Int32](repeating: 0, count: 8 * values.count)
    var unused = 0.0
    var alsoUnused = 0.0
    var query = 0.0
    var workSize: Int32 = -1
    dgesdd_(
      "N", &m, &n, &a, &lda, &values, &unused, &one, &alsoUnused, &one, &query, &workSize,
      &integers, &info, 1)
    workSize = Int32(query)
    var work = [Double](repeating: 0, count: Int(workSize))
    dgesdd_(
      "N", &m, &n, &a, &lda, &values, &unused, &one, &alsoUnused, &one, &work, &workSize,
      &integers, &info, 1)
    return info == 0 ? values : nil
  }
}
