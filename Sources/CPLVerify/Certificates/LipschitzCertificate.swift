// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// Certificates of the network in real arithmetic: r_lipschitz of `MarginBounds`.
package struct LipschitzCertificate: Certificate {
  package static let name = "lipschitz"
  package static let arithmetic = CertifiedArithmetic.real
  package static let gap: String? = nil
  package static let statements = [
    "Covered by lipschitz: the network in real arithmetic with the executed steps, by proved "
      + "upper bounds of every layer's Lipschitz constant: r = min over j of (z_c − z_j)/(L·ν_cj), "
      + "with the logits z computed in binary64, the predicted class c, the bound L of the map to "
      + "the features and ν_cj of the head's margin; each margin is first reduced by the proved "
      + "bound of its rounding error.",
    "Not covered by lipschitz: what any program computes for an image whose class is a matter of "
      + "rounding.",
  ]

  private let bounds: MarginBounds

  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    bounds = try network.marginBounds
  }

  package func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    bounds.radii(batch, errors: 1)
  }
}
