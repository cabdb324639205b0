// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// A verified network in both precisions, with the bounds of its margins: what certificates and attacks
/// share, each part made when it is first asked for.
public final class EvaluatedNetwork: Sendable {
  public let verified: VerifiedNetwork
  /// What `local` certificates are asked to prove.
  public let localPlan: LocalPlan
  private let wide = Once<CPLNetwork<Double>>()
  private let bounds = Once<MarginBounds>()

  public init(_ verified: VerifiedNetwork, localPlan: LocalPlan = LocalPlan()) {
    self.verified = verified
    self.localPlan = localPlan
  }

  /// The network that is evaluated in binary32.
  public var binary32: CPLNetwork<Float> { verified.network }
  /// The network that is evaluated in binary64.
  public var binary64: CPLNetwork<Double> { wide { verified.network.converted() } }

  /// - Throws: `VerificationError` for a layer without bounds, and when an evaluation might overflow.
  public var marginBounds: MarginBounds {
    get throws(VerificationError) {
      try bounds { () throws(VerificationError) in try MarginBounds(self) }
    }
  }
}
