// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The series S_k(A) = Σ_{i ≤ k} Aⁱ/i! of a skew convolution A, and that of Aᵀ = −A, on images that lie one after the
/// other, channels last.
struct SkewSeries<Scalar: TensorScalar>: Sendable {
  /// A.
  var convolution: BatchConvolution<Scalar>
  /// k.
  var terms: Int

  /// The elements of an image.
  var count: Int { convolution.lastCount }

  /// How many images go through the series together: so many that they stay in a core's second cache.
  var imagesTogether: Int { max(1, 1 << 15 / count) }

  /// value ← S_k(A) value for so many images, by Horner's rule: from w_k = x, with 1/i rounded,
  ///
  ///     w_{i−1} = x + 1/i · A w_i,   i = k … 1,   S_k(A)x = w_0
  ///
  /// each element of A w_i a sum of products, and each of w_{i−1} rounded once then.
  ///
  /// - Parameter stages: where w_k … w_1 are kept, one after the other, or twice as many numbers as the images have.
  func apply(
    images: Int, _ value: UnsafeMutablePointer<Scalar>, keeps: Bool,
    stages: UnsafeMutablePointer<Scalar>
  ) {
    let count = images * count
    func stage(_ i: Int) -> UnsafeMutablePointer<Scalar> {
      stages + (keeps ? terms - i : (terms - i) % 2) * count
    }
    stages.update(from: value, count: count)
    for i in (1...terms).reversed() {
      convolution.apply(
        last: .both, images: images, stage(i),
        ConvolutionEnding(scale: 1 / Scalar(i), addend: value), to: i > 1 ? stage(i - 1) : value)
    }
  }

  /// value ← S_k(Aᵀ) value for so many images, by powers: from p_1 = g,
  ///
  ///     p_{i+1} = −1/(i + 1) · A p_i,   S_k(Aᵀ) g = g + Σ_{i ≤ k} (i + 1) p_{i+1}
  ///
  /// - Parameter powers: where p_1 … p_{k+1} are kept, one after the other, or twice as many numbers as the images have.
  func applyTransposed(
    images: Int, _ value: UnsafeMutablePointer<Scalar>, keeps: Bool,
    powers: UnsafeMutablePointer<Scalar>
  ) {
    let count = images * count
    func power(_ i: Int) -> UnsafeMutablePointer<Scalar> {
      powers + (keeps ? i - 1 : (i - 1) % 2) * count
    }
    powers.update(from: value, count: count)
    for i in 1...terms {
      convolution.apply(
        last: .both, images: images, power(i), ConvolutionEnding(scale: -1 / Scalar(i + 1)),
        to: power(i + 1))
      Scalar.add(count, alpha: Scalar(i + 1), power(i + 1), to: value)
    }
  }

  /// sums ← sums + ∂⟨g, S_k(A)x⟩/∂A for so many images.
  ///
  /// *Derivation.* Let r_i be the gradient with respect to w_i in Horner's rule, r_0 = g, and p_i = r_{i−1}/i. As w_{i−1} =
  /// x + A w_i/i, it is r_i = Aᵀ p_i, and that of A is Σ_i p_i w_iᵀ: the p_i are those above. That of x = w_k is Σ_{i ≤ k} r_i,
  /// r_i = (i + 1) p_{i+1}.
  ///
  /// - Parameters:
  ///   - stages: w_k … w_1 of `apply` to x.
  ///   - powers: p_1 … p_k of `applyTransposed` to g.
  func addKernelGradient(
    images: Int, stages: UnsafePointer<Scalar>, powers: UnsafePointer<Scalar>,
    to sums: UnsafeMutablePointer<Scalar>
  ) {
    let count = images * count
    convolution.addGradients(
      last: .both, images: images, inputs: (1...terms).map { stages + (terms - $0) * count },
      outputs: (1...terms).map { powers + ($0 - 1) * count }, to: sums, withBias: false)
  }
}
