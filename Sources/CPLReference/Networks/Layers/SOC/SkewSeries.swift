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
  var convolution: BatchConvolution<Scalar>
  /// k.
  var terms: Int

  /// The elements of an image.
  var count: Int { convolution.inputShape.reduce(1, *) }

  /// How many images go through the series together: so many that they stay in a core's second cache.
  var imagesTogether: Int { max(1, 1 << 15 / count) }

  /// value ← S_k(A) value, or S_k(Aᵀ) value, for so many images.
  ///
  /// - Parameters:
  ///   - quotients: where s_k … s_1 are kept, one after the other, or twice as many numbers as the images have.
  func apply(
    transposed: Bool, images: Int, _ value: UnsafeMutablePointer<Scalar>, keeps: Bool,
    quotients: UnsafeMutablePointer<Scalar>
  ) {
    let count = images * count
    Self.divide(count, value, by: Scalar(terms), to: quotients)
    for i in (1...terms).reversed() {
      func place(_ i: Int) -> UnsafeMutablePointer<Scalar> {
        quotients + (keeps ? terms - i : (terms - i) % 2) * count
      }
      // x ± A s_i, which becomes s_{i−1} on the way.
      convolution.apply(
        images: images, place(i),
        ConvolutionEnding(
          scale: transposed ? -1 : 1, addend: value, divisor: Scalar(max(1, i - 1))),
        to: i > 1 ? place(i - 1) : value)
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func divide(
    _ count: Int, _ value: UnsafePointer<Scalar>, by divisor: Scalar,
    to quotient: UnsafeMutablePointer<Scalar>
  ) {
    for index in 0..<count { quotient[index] = value[index] / divisor }
  }

  /// sums ← sums + ∂⟨g, S_k(A)x⟩/∂A for so many images.
  ///
  /// *Derivation.* With the powers t_i = Aⁱx/i! the sum is that of t_i = A t_{i−1}/i, and Horner's w_i of S_k(Aᵀ)g is
  /// the gradient with respect to t_i: A's is Σ_i (w_i/i) t_{i−1}ᵀ = Σ_i s_i t_{i−1}ᵀ.
  ///
  /// - Parameters:
  ///   - powers: t_0 = x, then room for t_1 … t_{k−1}.
  ///   - quotients: s_k … s_1 of `apply` to g, transposed.
  func addKernelGradient(
    images: Int, powers: UnsafeMutablePointer<Scalar>, quotients: UnsafePointer<Scalar>,
    to sums: UnsafeMutablePointer<Scalar>
  ) {
    let count = images * count
    for i in stride(from: 1, to: terms, by: 1) {
      convolution.apply(
        images: images, powers + (i - 1) * count, ConvolutionEnding(divisor: Scalar(i)),
        to: powers + i * count)
    }
    convolution.addGradients(
      images: images, inputs: (1...terms).map { UnsafePointer(powers + ($0 - 1) * count) },
      outputs: (1...terms).map { quotients + (terms - $0) * count }, to: sums, withBias: false)
  }
}
