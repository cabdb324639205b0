// SPDX-License-Identifier: Apache-2.0

/// Which of the published pipeline's quirks a run reproduces. Each is a switch of its own, so that
/// its effect can be measured alone; `true` is the published behaviour.
public struct Profile: Codable, Equatable, Sendable {
  /// The learning rate's step counter starts one epoch ahead, so that the last epoch runs at 0.
  package var learningRateOffset = false
  /// In dense layers the gradient of σ̂ through v sees the new u instead of the old one.
  package var densePowerGradient = false
  /// Evaluating at the end of an epoch overwrites the power method's u by its 100 iterations.
  package var evaluationMutates = false
  /// A σ̂ stored with the weights is used as it is, whatever the weights are by now.
  package var staleSigma = false
  /// h comes from the power method, a lower bound of ‖W‖, instead of a verified upper bound.
  package var sigmaLowerBound = false
  /// The best checkpoint is the one with the best accuracy on the test set instead of on images
  /// held out of the training set.
  package var bestOnTest = false
  /// Classes whose head rows are equal are ignored in a certificate, instead of certifying nothing.
  package var nanTie = false
  /// "mean" pooling with a fractional k counts as 1-Lipschitz.
  package var meanPool = false
  /// Crops and flips are not covered by the run's seed.
  package var unseededAugmentation = false

  /// No quirk at all.
  public static let corrected = Profile()

  /// Every quirk, as the paper's code has them.
  public static let published = Profile(
    learningRateOffset: true, densePowerGradient: true, evaluationMutates: true, staleSigma: true,
    sigmaLowerBound: true, bestOnTest: true, nanTie: true, meanPool: true,
    unseededAugmentation: true)

  /// "published", "corrected", or "mixed" with the quirks that are on.
  public var name: String {
    switch self {
    case .published: "published"
    case .corrected: "corrected"
    default: "mixed"
    }
  }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case learningRateOffset = "lr-offset"
    case densePowerGradient = "dense-power-gradient"
    case evaluationMutates = "evaluation-mutates"
    case staleSigma = "stale-sigma"
    case sigmaLowerBound = "sigma-lower-bound"
    case bestOnTest = "best-on-test"
    case nanTie = "nan-tie"
    case meanPool = "mean-pool"
    case unseededAugmentation = "unseeded-augmentation"
  }
}

extension Profile {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try container.update(&learningRateOffset, .learningRateOffset)
    try container.update(&densePowerGradient, .densePowerGradient)
    try container.update(&evaluationMutates, .evaluationMutates)
    try container.update(&staleSigma, .staleSigma)
    try container.update(&sigmaLowerBound, .sigmaLowerBound)
    try container.update(&bestOnTest, .bestOnTest)
    try container.update(&nanTie, .nanTie)
    try container.update(&meanPool, .meanPool)
    try container.update(&unseededAugmentation, .unseededAugmentation)
  }
}
