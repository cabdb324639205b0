// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// A quirk of the published pipeline, as a study of its effect needs it.
package struct Quirk: Sendable {
  /// The name that configurations use.
  package let name: String
  /// What the published pipeline does.
  package let summary: String
  package let path: WritableKeyPath<Profile, Bool> & Sendable
  /// Whether it changes what training does. The others change how weights are judged: they are
  /// measured on the weights that the corrected profile trains.
  package let changesTraining: Bool

  /// All quirks, in the order of their switches.
  package static let all = [
    Quirk(
      name: "lr-offset",
      summary:
        "the learning rate's step counter starts one epoch ahead, so that the last epoch runs at 0",
      path: \.learningRateOffset, changesTraining: true),
    Quirk(
      name: "dense-power-gradient",
      summary: "in dense layers the gradient of σ̂ through v sees the new u instead of the old one",
      path: \.densePowerGradient, changesTraining: true),
    Quirk(
      name: "evaluation-mutates",
      summary: "evaluating after an epoch overwrites the power method's u by its 100 iterations",
      path: \.evaluationMutates, changesTraining: true),
    Quirk(
      name: "stale-sigma",
      summary: "a σ̂ stored with the weights is used as it is, whatever the weights are by now",
      path: \.staleSigma, changesTraining: false),
    Quirk(
      name: "sigma-lower-bound",
      summary:
        "the step h comes from the power method, a lower bound of ‖W‖₂, instead of a verified upper bound",
      path: \.sigmaLowerBound, changesTraining: false),
    Quirk(
      name: "best-on-test",
      summary:
        "the best epoch is chosen by the test images instead of by images held out of training",
      path: \.bestOnTest, changesTraining: true),
    Quirk(
      name: "nan-tie",
      summary:
        "classes whose head rows are equal are ignored in a certificate, instead of certifying nothing",
      path: \.nanTie, changesTraining: false),
    Quirk(
      name: "mean-pool",
      summary: "'mean' pooling with a fractional k counts as 1-Lipschitz",
      path: \.meanPool, changesTraining: false),
    Quirk(
      name: "unseeded-augmentation",
      summary: "crops and flips are not covered by the run's seed",
      path: \.unseededAugmentation, changesTraining: true),
  ]

  /// Why the quirk alone can change nothing of a model; nil where it can.
  package func reasonWithoutEffect(on model: ModelConfiguration) -> String? {
    let head = model.layers.last
    return switch name {
    case "stale-sigma":
      "without sigma-lower-bound no step comes from a stored σ̂; the two are measured together"
    case "mean-pool" where (head?.value as? PoolingLinearKind)?.pooling != .mean:
      "the network has no 'mean' head"
    case "nan-tie" where head?.parameterShapes.isEmpty != false:
      "the network has no rows that could be equal"
    default: nil
    }
  }
}

extension Study {
  /// The name of the pipeline without a quirk.
  static let corrected = "corrected"

  /// Each quirk switched on alone in an otherwise corrected pipeline.
  static func quirks(
    _ experiment: ExperimentConfiguration, dataset: String, seeds: [UInt64], epochs: Int?
  ) throws -> Study {
    var excluded: [(String, String)] = []
    var variants: [(name: String, profile: Profile, trains: Bool)] = [(corrected, .corrected, true)]
    for quirk in Quirk.all {
      if let reason = quirk.reasonWithoutEffect(on: experiment.model) {
        excluded.append((quirk.name, reason))
        continue
      }
      var profile = Profile.corrected
      profile[keyPath: quirk.path] = true
      variants.append((quirk.name, profile, quirk.changesTraining))
    }
    var stale = Profile.corrected
    (stale.sigmaLowerBound, stale.staleSigma) = (true, true)
    variants.append(("sigma-lower-bound and stale-sigma", stale, false))
    let prefix = "\(experiment.name)-\(dataset)-quirks"
    var runs: [ReproductionRun] = []
    for (name, profile, trains) in variants {
      for seed in seeds {
        let folder = name.replacing(" ", with: "-")
        runs.append(
          try ReproductionRun(
            name: "\(prefix)-\(folder)-seed\(seed)", experiment, seed: seed,
            profile: trains ? profile : .corrected, epochs: epochs,
            weights: trains ? nil : "\(prefix)-\(corrected)-seed\(seed)", variant: name,
            judged: profile, isAudited: false))
      }
    }
    return Study(
      title: "The published pipeline's quirks, each alone", subject: "quirk",
      method:
        "One quirk at a time is switched on in an otherwise corrected pipeline. Quirks of training "
        + "train weights of their own, from the same seeds; quirks of judging judge the weights of "
        + "the corrected pipeline.",
      items: Quirk.all.map { "\($0.name): \($0.summary)." }, baseline: corrected,
      group: ReproductionGroup(name: prefix, runs: runs), excluded: excluded)
  }
}
