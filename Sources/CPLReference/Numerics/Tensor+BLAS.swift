import COpenBLAS

/// A floating-point format for which OpenBLAS has kernels: binary32 or binary64.
///
/// All products below run on the calling thread alone, so that the order of their summations, and
/// with it every bit of their results, is independent of the number of threads.
public protocol TensorScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
  /// C ← alpha · op(A) · op(B) + beta · C, with op(A) rows×depth, op(B) depth×columns, all
  /// row-major, `lda`, `ldb`, `ldc` the distances between rows as stored.
  static func multiply(
    transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, depth: Int,
    alpha: Self, _ a: UnsafePointer<Self>, lda: Int, _ b: UnsafePointer<Self>, ldb: Int,
    beta: Self, _ c: UnsafeMutablePointer<Self>, ldc: Int)

  /// y ← alpha · op(A) · x + beta · y, A rows×columns as stored.
  static func multiply(
    transposeA: Bool, rows: Int, columns: Int, alpha: Self, _ a: UnsafePointer<Self>, lda: Int,
    _ x: UnsafePointer<Self>, beta: Self, _ y: UnsafeMutablePointer<Self>)

  /// Σ x_i y_i.
  static func dot(_ count: Int, _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>) -> Self
}

/// OpenBLAS as it runs in this process.
public enum BLAS {
  /// Confines OpenBLAS to the calling thread; threads are ours to give (`Workers`).
  @usableFromInline static let singleThreaded: Void = openblas_set_num_threads(1)

  /// OpenBLAS's build string: version and options.
  public static var version: String { String(cString: openblas_get_config()) }

  /// The kernel set that OpenBLAS chose for this CPU, such as "SkylakeX" or "Haswell".
  public static var coreName: String { String(cString: openblas_get_corename()) }
}

private func flag(_ transpose: Bool) -> CBLAS_TRANSPOSE { transpose ? CblasTrans : CblasNoTrans }

extension Float: TensorScalar {
  public static func multiply(
    transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, depth: Int,
    alpha: Float, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    BLAS.singleThreaded
    cblas_sgemm(
      CblasRowMajor, flag(transposeA), flag(transposeB), blasint(rows), blasint(columns),
      blasint(depth), alpha, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
  }

  public static func multiply(
    transposeA: Bool, rows: Int, columns: Int, alpha: Float, _ a: UnsafePointer<Float>, lda: Int,
    _ x: UnsafePointer<Float>, beta: Float, _ y: UnsafeMutablePointer<Float>
  ) {
    BLAS.singleThreaded
    cblas_sgemv(
      CblasRowMajor, flag(transposeA), blasint(rows), blasint(columns), alpha, a, blasint(lda),
      x, 1, beta, y, 1)
  }

  public static func dot(
    _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>
  ) -> Float {
    BLAS.singleThreaded
    return cblas_sdot(blasint(count), x, 1, y, 1)
  }
}

extension Double: TensorScalar {
  public static func multiply(
    transposeA: Bool, transposeB: Bool, rows: Int, columns: Int, depth: Int,
    alpha: Double, _ a: UnsafePointer<Double>, lda: Int, _ b: UnsafePointer<Double>, ldb: Int,
    beta: Double, _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    BLAS.singleThreaded
    cblas_dgemm(
      CblasRowMajor, flag(transposeA), flag(transposeB), blasint(rows), blasint(columns),
      blasint(depth), alpha, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
  }

  public static func multiply(
    transposeA: Bool, rows: Int, columns: Int, alpha: Double, _ a: UnsafePointer<Double>,
    lda: Int, _ x: UnsafePointer<Double>, beta: Double, _ y: UnsafeMutablePointer<Double>
  ) {
    BLAS.singleThreaded
    cblas_dgemv(
      CblasRowMajor, flag(transposeA), blasint(rows), blasint(columns), alpha, a, blasint(lda),
      x, 1, beta, y, 1)
  }

  public static func dot(
    _ count: Int, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>
  ) -> Double {
    BLAS.singleThreaded
    return cblas_ddot(blasint(count), x, 1, y, 1)
  }
}
