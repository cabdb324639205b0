// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// The certificates of the published code, in its own binary32 arithmetic.
///
/// With a normalised last layer r = min_j (z_c − z_j)/(‖q_c − q_j‖ · L), otherwise
/// r = (z₍₁₎ − z₍₂₎)/(√2 · L), with L = 1/min std. They take every layer for 1-Lipschitz, which with
/// steps from the power method it need not be. A radius that nothing limits is RU(√d), the diameter of
/// the box; one of logits that are not finite is 0.
///
/// The √2 rule is not valid for a normalised last layer, whose rows can be 2 apart: it is never
/// applied there.
package struct PublishedCertificate: Certificate {
  package static let name = "published"
  package static let arithmetic = CertifiedArithmetic.binary32
  package static let gap: String? = "leave out the rounding of the evaluation"
  package static let takesLayersForNonexpansive = true
  package static let statements = [
    "Nothing is proved by published: it is what the paper's code would say of this network. It "
      + "takes every layer for 1-Lipschitz with steps from the power method, an estimate from "
      + "below.",
    "Not covered by published: how far the layers exceed 1, and the rounding of the evaluation.",
  ]

  private let rows: Tensor<Float>?
  private let lipschitz: Float
  private let unlimited: Double
  /// The quirk `nan-tie`: a class whose row equals the predicted one's is ignored.
  private let ignoresTies: Bool

  /// The head's Lipschitz constant as a vector map.
  private let headLipschitz: Float

  /// The certificates of a network.
  ///
  /// - Parameter profile: the quirks `nan-tie`, and `mean-pool`, under which every head without
  ///   normalised rows counts as 1-Lipschitz.
  package init(_ network: CPLNetwork<Float>, profile: Profile) throws(VerificationError) {
    rows = network.head.unitRows
    unlimited = network.boxDiameterUpperBound
    lipschitz = 1 / (network.standardDeviations.min() ?? 1)
    ignoresTies = profile.nanTie
    headLipschitz =
      rows != nil || profile.meanPool
      ? 1 : Rounding.up.float(try network.head.bounded.lipschitzUpperBound(nil))
  }

  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    try self.init(network.binary32, profile: network.verified.profile)
  }

  package func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    radii(batch.binary32).map { CertifiedRadius($0, lipschitz: Double(lipschitz)) }
  }

  /// The radius of each image, in pixel units, from the logits N×classes.
  package func radii(_ logits: Tensor<Float>) -> [Double] {
    let classes = logits.shape[1]
    let distances = rows.map(Self.distances)
    return zip(0..<logits.shape[0], logits.rowMaxima).map { image, predicted in
      guard predicted >= 0 else { return 0 }
      let first = image * classes
      var radius = Float.infinity
      for other in 0..<classes where other != predicted {
        let margin = logits.elements[first + predicted] - logits.elements[first + other]
        let distance =
          distances?[predicted * classes + other] ?? Float(2).squareRoot() * headLipschitz
        let candidate = margin / (distance * lipschitz)
        if candidate.isNaN, !ignoresTies { return 0 }
        // A NaN that is ignored compares false.
        if candidate < radius { radius = candidate }
      }
      return radius.isFinite ? Double(radius) : unlimited
    }
  }

  /// ‖q_i − q_j‖ for all pairs, classes×classes.
  private static func distances(_ rows: Tensor<Float>) -> [Float] {
    let (classes, features) = (rows.shape[0], rows.shape[1])
    return (0..<classes * classes).map { pair in
      let (first, second) = (pair / classes * features, pair % classes * features)
      return (0..<features).reduce(Float(0)) { sum, feature in
        let difference = rows.elements[first + feature] - rows.elements[second + feature]
        return sum + difference * difference
      }.squareRoot()
    }
  }
}
