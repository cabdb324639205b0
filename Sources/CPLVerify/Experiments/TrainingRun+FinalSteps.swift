// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

extension CPLNetwork<Float> {
  /// Whether the network has the steps that its profile evaluates with: those of the power method
  /// under the quirk `sigma-lower-bound`, verified ones otherwise.
  func hasFinalSteps(under profile: Profile) -> Bool {
    profile.sigmaLowerBound || steppedLayers.allSatisfy { self[stepped: $0].stepRule != .power }
  }

  /// The network with the steps that the corrected profile evaluates with, each 1-Lipschitz by proof.
  fileprivate func withVerifiedSteps(_ workplace: Workplace) throws -> CPLNetwork {
    workplace.observer.begin()
    defer { workplace.observer.finish() }
    return try VerifiedNetwork(self, profile: .corrected, workers: workplace.workers) {
      workplace.observer.update(WorkProgress("bounding", done: $0, total: $1, unit: "layers"))
    }.network
  }

  /// The σ̂ from which training made its steps, kept beside the steps that replace them.
  fileprivate var trainedSpectralNorms: PublishedState {
    var state = PublishedState()
    for position in steppedLayers {
      let layer = self[stepped: position]
      guard layer.stepRule == .power else { continue }
      state.spectralNorms[layer.name] = StepSize.estimate(
        of: layer.stepSize, numerator: layer.stepNumerator,
        regularization: layer.stepRegularization)
    }
    return state
  }
}

extension TrainingRun {
  /// Gives the weights of a finished run the steps that its profile evaluates with, so that what its
  /// files hold is what is judged. Training itself makes its steps from u and is not touched by them.
  ///
  /// - Returns: the state that was written.
  func writeFinalSteps(
    _ state: TrainingState, under profile: Profile, description: CheckpointDescription,
    identity: String
  ) throws -> TrainingState {
    guard !state.network.hasFinalSteps(under: profile) else { return state }
    var final = state
    final.network = try state.network.withVerifiedSteps(workplace)
    let best = try Checkpoint(path: folder.best).network
    // A run that was killed below has them in the best weights already, with the σ̂ of training beside.
    if !best.hasFinalSteps(under: profile) {
      try best.withVerifiedSteps(workplace).write(
        to: folder.best, description: description, published: best.trainedSpectralNorms)
    }
    // Last of all: that it is there says that nothing is left to do.
    try final.write(
      to: folder.last, description: description, run: identity,
      published: state.network.trainedSpectralNorms)
    return final
  }
}
