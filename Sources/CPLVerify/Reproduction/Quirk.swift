import CPLReference

/// A quirk of the published pipeline, as a study of its effect needs it.
public struct Quirk: Sendable {
  /// The name that configurations use.
  public let name: String
  public let path: WritableKeyPath<Profile, Bool> & Sendable
  /// Whether it changes what training does. The others change how weights are judged: they are
  /// measured on the weights that the corrected profile trains.
  public let changesTraining: Bool

  /// All quirks, in the order of their switches.
  public static let all = [
    Quirk(name: "lr-offset", path: \.learningRateOffset, changesTraining: true),
    Quirk(name: "dense-power-gradient", path: \.densePowerGradient, changesTraining: true),
    Quirk(name: "evaluation-mutates", path: \.evaluationMutates, changesTraining: true),
    Quirk(name: "stale-sigma", path: \.staleSigma, changesTraining: false),
    Quirk(name: "sigma-lower-bound", path: \.sigmaLowerBound, changesTraining: false),
    Quirk(name: "best-on-test", path: \.bestOnTest, changesTraining: true),
    Quirk(name: "nan-tie", path: \.nanTie, changesTraining: false),
    Quirk(name: "mean-pool", path: \.meanPool, changesTraining: false),
    Quirk(name: "unseeded-augmentation", path: \.unseededAugmentation, changesTraining: true),
  ]

  /// Why the quirk alone can change nothing of a model; nil where it can.
  public func reasonWithoutEffect(on model: ModelConfiguration) -> String? {
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

/// Each quirk switched on alone in an otherwise corrected pipeline.
public struct QuirkStudy: Sendable {
  /// What is measured: the corrected pipeline first.
  public let group: ReproductionGroup
  /// The quirks that are not measured, and why.
  public let excluded: [(quirk: String, reason: String)]

  /// The name of the pipeline without a quirk.
  static let baseline = "corrected"
  static let staleName = "sigma-lower-bound and stale-sigma"

  /// A study on one experiment.
  ///
  /// - Parameter epochs: the number of epochs, where the experiment's own is not wanted.
  public init(
    _ experiment: ExperimentConfiguration, dataset: String, seeds: [UInt64], epochs: Int? = nil
  ) throws {
    var excluded: [(String, String)] = []
    var variants: [(name: String, profile: Profile, trains: Bool)] = [
      (Self.baseline, .corrected, true)
    ]
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
    variants.append((Self.staleName, stale, false))
    let prefix = "\(experiment.name)-\(dataset)-quirks"
    var runs: [ReproductionRun] = []
    for (name, profile, trains) in variants {
      for seed in seeds {
        let folder = name.replacing(" ", with: "-")
        runs.append(
          try ReproductionRun(
            name: "\(prefix)-\(folder)-seed\(seed)", experiment, seed: seed,
            profile: trains ? profile : .corrected, epochs: epochs,
            weights: trains ? nil : "\(prefix)-\(Self.baseline)-seed\(seed)", quirk: name,
            judged: profile))
      }
    }
    group = ReproductionGroup(name: prefix, runs: runs)
    self.excluded = excluded
  }
}
