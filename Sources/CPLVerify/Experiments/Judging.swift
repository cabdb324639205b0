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

  package init(name: String, profile: Profile, steps: StepPolicy? = nil) {
    self.name = name
    self.profile = profile
    self.steps = steps ?? profile.steps
  }

  /// Bounds the layers of a checkpoint's network and sets its steps.
  package func verify(
    _ checkpoint: Checkpoint, workers: Workers, progress: @Sendable (_ done: Int, _ of: Int) -> Void
  ) throws -> VerifiedNetwork {
    let stored =
      steps == .published
      ? checkpoint.network.withSteps(of: checkpoint.published) : checkpoint.network
    return try VerifiedNetwork(
      stored, shipped: checkpoint.network, profile: profile, steps: steps, workers: workers,
      progress: progress)
  }
}
