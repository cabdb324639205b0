// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

extension LocalCase {
  init?(_ seed: UInt64, network: VerifiedNetwork) throws {
    try self.init(
      network, image: SampleNetworks.images(network.network, count: 1, seed: seed),
      CounterRandom(seed: seed, purpose: .test, major: 90))
  }
}
