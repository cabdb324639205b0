// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

extension Judgement {
  /// Begins with reading the weights that the options name. What can be refused is refused first, also
  /// the place for the results.
  init(
    _ weights: WeightsOptions, _ data: DataOptions, _ results: ResultOptions,
    _ options: RunOptions, seed: UInt64? = nil, certificate: CertificateKind? = nil,
    shard: Shard? = nil, localPlan: LocalPlan = LocalPlan(), device: ChosenDevice? = nil,
    needsClasses: Bool = true
  ) throws {
    try results.check(notReplacing: weights.weights)
    try self.init(
      try weights.read(), at: weights.weights, under: weights.judging, data.images,
      out: results.out, options.workplace, seed: seed, certificate: certificate, shard: shard,
      localPlan: localPlan, device: device, needsClasses: needsClasses)
    report.provenance.weightsFlags = Provenance.shellCommand(weights.flags)
  }
}
