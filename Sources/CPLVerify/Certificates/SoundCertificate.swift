// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// Certificates of the network as it is evaluated in binary64, rounding included: r_sound of
/// `MarginBounds`.
public struct SoundCertificate: Certificate {
  public static let name = "sound"
  public static let arithmetic = CertifiedArithmetic.binary64
  public static let gap: String? = nil
  public static let statements = [
    "Covered by sound: this program's binary64 evaluation of these weights, rounding included: "
      + "as lipschitz, with each margin first reduced by twice that bound, once for the image and "
      + "once for its neighbour.",
    "Not covered by sound: the same weights run in binary32, here or elsewhere.",
  ]

  private let bounds: MarginBounds

  public init(_ network: EvaluatedNetwork) throws(VerificationError) {
    bounds = try network.marginBounds
  }

  public func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    bounds.radii(batch, errors: 2)
  }
}
