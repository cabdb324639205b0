// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// Certificates of the network as it is evaluated in binary64, rounding included: r_sound of
/// `MarginBounds`.
package struct SoundCertificate: Certificate {
  package static let name = "sound"
  package static let arithmetic = CertifiedArithmetic.binary64
  package static let gap: String? = nil
  package static let statements = [
    "Covered by sound: this program's binary64 evaluation of these weights, rounding included: "
      + "as lipschitz, with each margin first reduced by twice that bound, once for the image and "
      + "once for its neighbour.",
    "Not covered by sound: the same weights run in binary32, here or elsewhere.",
  ]

  private let bounds: MarginBounds

  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    bounds = try network.marginBounds
  }

  package func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    bounds.radii(batch, errors: 2)
  }
}
