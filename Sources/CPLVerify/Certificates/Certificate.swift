// SPDX-License-Identifier: Apache-2.0

/// A way to certify images: for each a radius within which its class cannot change, if what the
/// certificate takes for granted is true.
///
/// A new certificate is a type that conforms to this, and a line in `CertificateKind.allCases`.
package protocol Certificate: Sendable {
  /// The name in flags and files.
  static var name: String { get }
  /// Of which network's classes it speaks.
  static var arithmetic: CertifiedArithmetic { get }
  /// What is missing from a proof, as the rest of a sentence that begins with "… certificates"; nil
  /// where each radius is a theorem.
  static var gap: String? { get }
  /// Whether it takes every layer for 1-Lipschitz, whatever its verified bound.
  static var takesLayersForNonexpansive: Bool { get }
  /// Whether it takes so long that it is computed only where it is asked for.
  static var isCostly: Bool { get }
  /// What it states and from what, and what it does not cover: whole sentences, for reports.
  static var statements: [String] { get }

  /// The certificates of a network.
  ///
  /// - Throws: `VerificationError` when a layer or the head lacks the bounds that they need.
  init(_ network: EvaluatedNetwork) throws

  /// The radius of each image of a batch; 0 where nothing is certified.
  func radii(_ batch: EvaluatedBatch) throws -> [CertifiedRadius]
}

extension Certificate {
  package static var takesLayersForNonexpansive: Bool { false }
  package static var isCostly: Bool { false }
}

/// The arithmetic of the network whose classes a certificate speaks of.
package enum CertifiedArithmetic: String, Sendable {
  case binary32
  case binary64
  /// Without any rounding. It is evaluated in binary64, with bounds of what rounding may do.
  case real = "real arithmetic"
}

/// The radius of one image, in pixel units, and what it rests on.
package struct CertifiedRadius: Sendable {
  package let radius: Double
  /// What is taken for the Lipschitz constant of the map before the head around the image.
  package let lipschitz: Double
  /// How far from the image that constant holds: the radius is no larger.
  package let reach: Double

  package init(_ radius: Double, lipschitz: Double, reach: Double = .infinity) {
    self.radius = min(radius, reach)
    self.lipschitz = lipschitz
    self.reach = reach
  }
}
