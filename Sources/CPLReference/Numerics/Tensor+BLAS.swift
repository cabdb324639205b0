// SPDX-License-Identifier: Apache-2.0

import COpenBLAS

/// OpenBLAS, for the binary64 products and factorisations that bounds are made of. What a network
/// computes never passes through it.
package enum BLAS {
  /// Confines OpenBLAS to the calling thread; threads are ours to give (`Workers`).
  static let singleThreaded: Void = openblas_set_num_threads(1)

  /// OpenBLAS's build string: version and options.
  package static var version: String { String(cString: openblas_get_config()) }

  /// The kernel set that OpenBLAS chose for this CPU, such as "SkylakeX" or "Haswell".
  package static var coreName: String { String(cString: openblas_get_corename()) }

  /// C ← alpha · op(A) · op(B) + beta · C, with op(A) rows×depth, op(B) depth×columns, all
  /// row-major, `lda`, `ldb`, `ldc` the distances between rows as stored. The order of summation is
  /// OpenBLAS's own.
  package static func multiply(
    transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, depth: Int,
    alpha: Double, _ a: UnsafePointer<Double>, lda: Int, _ b: UnsafePointer<Double>, ldb: Int,
    beta: Double, _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    singleThreaded
    func flag(_ transpose: Bool) -> CBLAS_TRANSPOSE { transpose ? CblasTrans : CblasNoTrans }
    cblas_dgemm(
      CblasRowMajor, flag(transposeA), flag(transposeB), blasint(rows), blasint(columns),
      blasint(depth), alpha, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
  }

  /// y ← alpha · op(A) · x + beta · y, A rows×columns as stored.
  package static func multiply(
    transposeA: Bool, rows: Int, columns: Int, alpha: Double, _ a: UnsafePointer<Double>,
    lda: Int, _ x: UnsafePointer<Double>, beta: Double, _ y: UnsafeMutablePointer<Double>
  ) {
    singleThreaded
    cblas_dgemv(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, blasint(rows), blasint(columns),
      alpha, a, blasint(lda), x, 1, beta, y, 1)
  }
}
