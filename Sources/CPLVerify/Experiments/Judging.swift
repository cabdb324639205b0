// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// How a network is judged.
package struct Judging: Sendable {
  /// The profile's name, or "shipped".
  package let name: String
  /// Whose quirks the `published` certificates reproduce.
  package let profile: Profile
  package let steps: StepPolicy
  /// The last power in the series of SOC layers; nil for the file's own.
  package let terms: Int?

  package init(name: String, profile: Profile, steps: StepPolicy? = nil, terms: Int? = nil) {
    self.name = name
    self.profile = profile
    self.steps = steps ?? profile.steps
    self.terms = terms
  }

  /// Bounds the layers of a checkpoint's network and sets its steps.
  package func verify(
    _ checkpoint: Checkpoint, workers: Workers, progress: @Sendable (_ done: Int, _ of: Int) -> Void
  ) throws -> VerifiedNetwork {
    let network = terms.map(checkpoint.network.withSkewSeries) ?? checkpoint.network
    let stored =
      steps == .published ? network.withSteps(of: checkpoint.published) : network
    return try VerifiedNetwork(
      stored, shipped: network, profile: profile, steps: steps, workers: workers,
      progress: progress)
  }
}
