// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The series S_k(A) = Σ_{i ≤ k} Aⁱ/i! of a skew convolution A, and that of Aᵀ = −A, on images that lie one after the
/// other, channels last.
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
  var count: Int { convolution.lastCount }

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
        last: .both, images: images, place(i),
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

  /// value ← ∂⟨g, S_k(A)x⟩/∂x = S_k(Aᵀ) g, g the value, and sums ← sums + ∂⟨g, S_k(A)x⟩/∂A, for so many images.
  ///
  /// *Derivation.* Let r_i be the gradient with respect to w_i in Horner's rule, r_0 = g. As w_{i−1} = x + A s_i and
  /// s_i = w_i/i, it is r_i = Aᵀ r_{i−1}/i, that of A is Σ_i r_{i−1} s_iᵀ, and that of x = w_k is Σ_{i ≤ k} r_i.
  ///
  /// - Parameters:
  ///   - quotients: s_k … s_1 of `apply` to x.
  ///   - scratch: room for k + 1 times as many numbers as the images have.
  func backward(
    images: Int, _ value: UnsafeMutablePointer<Scalar>, quotients: UnsafePointer<Scalar>,
    scratch: UnsafeMutablePointer<Scalar>, to sums: UnsafeMutablePointer<Scalar>
  ) {
    let count = images * count
    scratch.update(from: value, count: count)
    for i in 1...terms {
      let next = scratch + i * count
      convolution.apply(
        last: .both, images: images, next - count, ConvolutionEnding(divisor: -Scalar(i)), to: next)
      Scalar.add(count, alpha: 1, next, to: value)
    }
    convolution.addGradients(
      last: .both, images: images, inputs: (1...terms).map { quotients + (terms - $0) * count },
      outputs: (1...terms).map { UnsafePointer(scratch + ($0 - 1) * count) }, to: sums,
      withBias: false)
  }
}
