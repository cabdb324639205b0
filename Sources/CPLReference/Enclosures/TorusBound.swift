// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// An upper bound of a zero-padded convolution's spectral norm from circular convolutions,
/// independent of `VerifiedSpectralNorm` in method and code.
///
/// For all M ≥ H + ⌊k/2⌋ and N ≥ W + ⌊k/2⌋ the zero-padded map on H×W images is T = R·C·E: extension
/// by zeros to an M×N torus, circular convolution there, restriction to the H×W corner. (A tap offset t
/// and a distance d of two pixels have |t − d| ≤ W − 1 + ⌊k/2⌋ < N in a row, so that t ≡ d modulo N means
/// t = d, and likewise in a column.) R and E have norm 1; C is block-diagonal in the Fourier basis.
/// Therefore
///
///     ‖T‖₂ ≤ max_ω ‖K̂(ω)‖₂,  K̂(ω) = Σ_ab K[·, ·, a, b]·e^{−i(ω₁a + ω₂b)},
///     ω ∈ (2π/M)·{0 … M−1} × (2π/N)·{0 … N−1}.
///
/// M = H, N = W is **not** enough: a kernel with n-torus norm 2 and ‖T‖ = 1 + √2 is in the tests.
package enum TorusBound {
  /// ‖T‖₂ ≤ the result, rounding included, for a kernel [inner, C, k, k] on H×W images.
  ///
  /// Typically 0.1 to 0.2 % above ‖T‖₂ at H = W = 32. See `circularNormUpperBound` for the rounding.
  ///
  /// - Throws: `invalid` for what is not a kernel of odd size, `notFinite` for NaN and infinity.
  /// - Complexity: about MN/2 small Gram matrices, O(N + number of weights) memory.
  package static func spectralNormUpperBound(
    kernel: Tensor<Float>, height: Int, width: Int
  ) throws(VerificationError) -> Double {
    try ConvolutionShape(kernel: kernel, height: height, width: width)
    let reach = kernel.shape[3] / 2
    return try circularNormUpperBound(
      kernel: kernel, torusHeight: height + reach, torusWidth: width + reach)
  }

  /// max_ω‖K̂(ω)‖₂ ≤ the result, on the M×N torus. A bound of ‖T‖₂ for M ≥ H + ⌊k/2⌋ and N ≥ W + ⌊k/2⌋
  /// only.
  ///
  /// *Half of the frequencies.* K is real, so K̂(−ω) is the conjugate of K̂(ω), of the same norm.
  ///
  /// *The norm.* ‖A + iB‖₂ = ‖[[A, −B], [B, A]]‖₂, which Gram iteration bounds, rounding included.
  ///
  /// *Rounding of K̂.* fa/M + gb/N, with the least common multiple L of M and N as denominator, is
  /// reduced modulo 1 to (−½, ½] in integers. The angle then errs by
  /// less than 8u (three roundings, the stored π, a value of at most π), sine and cosine, within an
  /// ulp, by 2u each: e^{−iθ} errs by less than 11u in modulus. The sums of k² products add γ_{k²}.
  /// So an entry errs by at most (k² + 16)u·Σ_ab|K|, and K̂ in the 2-norm by
  /// E = (k² + 16)u·‖Σ_ab|K|‖_F, which is added at the end.
  package static func circularNormUpperBound(
    kernel: Tensor<Float>, torusHeight: Int, torusWidth: Int
  ) throws(VerificationError) -> Double {
    let weights = try ScaledWeights(kernel, what: "kernel", axes: ConvolutionShape.axes)
    if weights.isZero { return 0 }
    let (outputs, inputs, kernelSide) = (kernel.shape[0], kernel.shape[1], kernel.shape[3])
    let (channels, tapCount) = (outputs * inputs, kernelSide * kernelSide)
    let half = torusWidth / 2 + 1
    let turn = torusHeight.leastCommonMultiple(with: torusWidth)
    var transform = [Double](repeating: 0, count: channels * 2 * half)
    var embedding = [Double](repeating: 0, count: 4 * channels)
    var largest = 0.0
    for first in 0..<torusHeight {
      // One row of frequencies: real parts, then imaginary parts.
      var waves = [Double](repeating: 0, count: tapCount * 2 * half)
      for second in 0..<half {
        for tap in 0..<tapCount {
          var turns =
            (first * (tap / kernelSide) * (turn / torusHeight)
              + second * (tap % kernelSide) * (turn / torusWidth)) % turn
          if 2 * turns > turn { turns -= turn }
          let angle = 2 * Double.pi * Double(turns) / Double(turn)
          waves[tap * 2 * half + second] = cos(angle)
          waves[tap * 2 * half + half + second] = -sin(angle)
        }
      }
      BLAS.multiply(
        transposeA: false, transposeB: false, rows: channels, columns: 2 * half, depth: tapCount,
        alpha: 1, weights.elements, lda: tapCount, waves, ldb: 2 * half, beta: 0, &transform,
        ldc: 2 * half)
      for second in 0..<half {
        for channel in 0..<channels {
          let real = transform[channel * 2 * half + second]
          let imaginary = transform[channel * 2 * half + half + second]
          let (output, input) = (channel / inputs, channel % inputs)
          embedding[output * 2 * inputs + input] = real
          embedding[output * 2 * inputs + inputs + input] = -imaginary
          embedding[(outputs + output) * 2 * inputs + input] = imaginary
          embedding[(outputs + output) * 2 * inputs + inputs + input] = real
        }
        largest = max(
          largest,
          GramIteration.spectralNormUpperBound(
            embedding, rows: 2 * outputs, columns: 2 * inputs, sufficientBound: largest))
      }
    }
    return weights.unscaled(
      Rounding.up.sum(largest, transformError(weights.elements, tapCount: tapCount)))
  }

  /// E, rounded up.
  private static func transformError(_ kernel: [Double], tapCount: Int) -> Double {
    let channelSums = stride(from: 0, to: kernel.count, by: tapCount).map { start in
      kernel[start..<start + tapCount].reduce(0) { Rounding.up.sum($0, $1.magnitude) }
    }
    return Rounding.up.product(
      Double(tapCount + 16) * Rounding.unitRoundoff, EuclideanNorm.upperBound(channelSums))
  }
}

extension Int {
  fileprivate func leastCommonMultiple(with other: Int) -> Int {
    var (divisor, rest) = (self, other)
    while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
    return self / divisor * other
  }
}
