// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Two numbers between which the spectral norm ‖A‖₂ of a linear map is proved to lie.
public struct SpectralNormEnclosure: Equatable, Sendable, Codable {
  /// How the upper bound was proved.
  public enum Method: String, Sendable, Codable {
    /// All weights are zero; both bounds are exact.
    case zero
    /// Cholesky's factorisation of the shifted Gram matrix (soundness.md, section 1).
    case cholesky
    /// The band Cholesky factorisation of the shifted Gram matrix (section 2, tight).
    case bandCholesky = "band-cholesky"
    /// The largest norm over the frequencies of a larger torus (section 2, independent).
    case torus
    /// The largest norm over the frequencies of the torus that the images are: of a circular convolution.
    case frequencies
  }

  /// lowerBound ≤ ‖A‖₂, proved, rounding included.
  public let lowerBound: Double
  /// ‖A‖₂ ≤ upperBound, proved, rounding included.
  public let upperBound: Double
  /// Lanczos' value of ‖A‖₂, which may lie on either side of it. No proof uses it.
  public let estimate: Double
  /// How `upperBound` was proved.
  public let method: Method

  package init(lowerBound: Double, upperBound: Double, estimate: Double, method: Method) {
    self.lowerBound = lowerBound
    self.upperBound = upperBound
    self.estimate = estimate
    self.method = method
  }

  /// The enclosure of a map that is zero.
  static let zero = SpectralNormEnclosure(lowerBound: 0, upperBound: 0, estimate: 0, method: .zero)

  /// (upperBound − lowerBound)/lowerBound rounded up; 0 for 0/0.
  ///
  /// At most 1e-6 for every method but `torus`.
  package var relativeWidth: Double {
    let width = Rounding.up.difference(upperBound, lowerBound)
    return width == 0 ? 0 : Rounding.up.quotient(width, lowerBound)
  }
}
