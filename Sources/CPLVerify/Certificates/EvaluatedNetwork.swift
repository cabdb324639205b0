// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// A verified network in both precisions, with the bounds of its margins: what certificates and attacks
/// share, each part made when it is first asked for.
public final class EvaluatedNetwork: Sendable {
  /// The network with its proved bounds.
  public let verified: VerifiedNetwork
  /// What `local` certificates are asked to prove.
  package let localPlan: LocalPlan
  /// The network that is evaluated in binary32.
  package let binary32: CPLNetwork<Float>
  /// Where both are evaluated; nil for the CPU.
  private let place: DevicePlace?
  private let wide = Once<CPLNetwork<Double>>()
  private let bounds = Once<MarginBounds>()

  /// - Parameter place: where it is evaluated; on the CPU without it.
  public init(
    _ verified: VerifiedNetwork, localPlan: LocalPlan = LocalPlan(), at place: DevicePlace? = nil
  ) {
    self.verified = verified
    self.localPlan = localPlan
    self.place = place
    binary32 = place.map(verified.network.placed) ?? verified.network
  }

  /// How many images are evaluated at once.
  package var batch: Int {
    place == nil ? EvaluatedImages.batch : DeviceNetwork<Float>.batch
  }

  /// The network that is evaluated in binary64.
  package var binary64: CPLNetwork<Double> {
    wide {
      let network: CPLNetwork<Double> = verified.network.converted()
      return place.map(network.placed) ?? network
    }
  }

  /// - Throws: `VerificationError` for a layer without bounds, and when an evaluation might overflow.
  package var marginBounds: MarginBounds {
    get throws(VerificationError) {
      try bounds { () throws(VerificationError) in try MarginBounds(self) }
    }
  }
}
