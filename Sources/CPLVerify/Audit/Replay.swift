// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLNetworks

/// A stored violation as it looks now.
package struct ReplayedViolation: Sendable {
  package let originalClass: Int
  package let adversarialClass: Int
  /// The certified radius of the original, computed again.
  package let radius: Double
  /// The distance of the two stored images, rounded up.
  package let distance: Double
  /// Whether the class changes in the network that the certificate speaks of.
  let isChanged: Bool

  /// Whether the class still changes within the radius.
  package var isBroken: Bool { isChanged && distance <= radius }
}

extension CertifiedNetwork {
  /// Puts the two images of a stored violation through the executed network again.
  ///
  /// - Throws: `VerificationError.invalid` for images of another size than the network takes.
  package func replay(_ violation: Violation, workers: Workers) throws -> ReplayedViolation {
    let shape = network.binary32.inputShape
    guard violation.original.count == shape.reduce(1, *),
      violation.adversarial.count == violation.original.count
    else {
      throw VerificationError.invalid(
        what: "counterexample of image \(violation.index)", expected: "images \(shape)",
        found: "\(violation.original.count) and \(violation.adversarial.count) numbers")
    }
    let (predictions, radii) = try certify(
      Tensor(shape: [2] + shape, elements: violation.original + violation.adversarial),
      workers: workers)
    return ReplayedViolation(
      originalClass: predictions[0], adversarialClass: predictions[1], radius: radii[0],
      distance: Distance(violation.adversarial, violation.original).upperBound,
      isChanged: try isChanged(
        Tensor(shape: [1] + shape, elements: violation.adversarial), from: [predictions[0]],
        workers: workers)[0])
  }
}
