// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The series S_k(A) = Σ_{i ≤ k} Aⁱ/i! of a skew convolution A, and that of Aᵀ = −A, on images that lie one after the
/// other.
///
/// By Horner's rule, from w_k = x:
///
///     s_i = w_i/i,   w_{i−1} = x ± A s_i,   i = k … 1,   S_k(±A)x = w_0
///
/// each element of s_i and w_{i−1} rounded once.
struct SkewSeries<Scalar: TensorScalar>: Sendable {
  /// A.
  var convolution: Convolution<Scalar>
  /// k.
  var terms: Int

  /// The elements of an image.
  var count: Int { convolution.inputShape.reduce(1, *) }

  /// value ← S_k(A) value, or S_k(Aᵀ) value.
  ///
  /// - Parameters:
  ///   - keeps: whether s_k … s_1 are kept, one after the other; else there is one place for all.
  ///   - quotients: k images for that, or one.
  ///   - product: an image.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func apply(
    transposed: Bool, _ value: UnsafeMutablePointer<Scalar>, keeps: Bool,
    quotients: UnsafeMutablePointer<Scalar>, product: UnsafeMutablePointer<Scalar>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    let count = count
    let sign: Scalar = transposed ? -1 : 1
    for i in (1...terms).reversed() {
      let quotient = quotients + (keeps ? (terms - i) * count : 0)
      let divisor = Scalar(i)
      if i == terms {
        for index in 0..<count { quotient[index] = value[index] / divisor }
      } else {
        // product = A s_{i+1}: w_i = x ± product.
        for index in 0..<count {
          quotient[index] = (value[index] + sign * product[index]) / divisor
        }
      }
      Scalar.convolve(
        convolution.shape, convolution.packedKernel, quotient, to: product, workspace)
    }
    for index in 0..<count { value[index] += sign * product[index] }
  }

  /// kernelGradient ← kernelGradient + ∂⟨g, S_k(A)x⟩/∂A for one image.
  ///
  /// *Derivation.* With the powers t_i = Aⁱx/i! the sum is that of t_i = A t_{i−1}/i, and Horner's w_i of S_k(Aᵀ)g is
  /// the gradient with respect to t_i: A's is Σ_i (w_i/i) t_{i−1}ᵀ = Σ_i s_i t_{i−1}ᵀ.
  ///
  /// - Parameters:
  ///   - powers: t_0 = x, then room for t_1 … t_k.
  ///   - quotients: s_k … s_1 of `apply` to g, transposed, and behind them an image of zeros.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func addKernelGradient(
    powers: UnsafeMutablePointer<Scalar>, quotients: UnsafePointer<Scalar>,
    to kernelGradient: UnsafeMutablePointer<Scalar>, _ workspace: UnsafeMutableRawPointer
  ) {
    let count = count
    for i in stride(from: 1, to: terms, by: 1) {
      let (before, power, divisor) = (powers + (i - 1) * count, powers + i * count, Scalar(i))
      Scalar.convolve(convolution.shape, convolution.packedKernel, before, to: power, workspace)
      for index in 0..<count { power[index] /= divisor }
    }
    for i in stride(from: 1, through: terms, by: 2) {
      // With an odd k the last one's partner is the image of zeros.
      let partner = i < terms ? i + 1 : 1
      Scalar.addKernelGradients(
        convolution.shape,
        (UnsafePointer(powers + (i - 1) * count), quotients + (terms - i) * count),
        (
          UnsafePointer(powers + (partner - 1) * count),
          quotients + (i < terms ? terms - partner : terms) * count
        ), to: kernelGradient, workspace)
    }
  }
}
