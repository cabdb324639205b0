// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// One run of a reproduction: weights that are trained, or that another run trains, and how they
/// are judged.
package struct ReproductionRun: Equatable, Sendable {
  /// The run's name, and that of its folders.
  package let name: String
  /// What is trained, with the seed and the profile of the run.
  package let experiment: ExperimentConfiguration
  /// The epochs that the experiment asks for, whatever the run gets.
  package let configuredEpochs: Int
  /// The run whose weights are judged; this one where it trains its own.
  package let weights: String
  /// The variant of a study that it is; nil where it is of none.
  package let variant: String?
  /// Whether its certificates are attacked.
  package let isAudited: Bool
  /// The profile under which the weights are judged, and what it is called.
  package let judged: Profile
  /// The last power in SOC's series for judging; that of the training when nil.
  package let judgedTerms: Int?
  package let judgedName: String

  /// Whether the run trains weights of its own.
  package var trains: Bool { weights == name }

  /// Whether its training is timed: where a study's variants train what differs in more than quirks.
  package var isTimed: Bool { trains && variant != nil && isAudited }

  /// What the run takes, in arbitrary units: training is forward and backward, which is about three times
  /// forward, by as many images an epoch in every run.
  package var expense: Double {
    trains ? 3 * Double(experiment.training.epochs) * experiment.model.multiplyAdds : 0
  }

  /// A run of an experiment under a profile.
  ///
  /// - Parameter epochs: the number of epochs, where the experiment's own is not wanted.
  /// - Throws: `ReferenceError.mismatch` for an experiment whose name no folder can have.
  package init(
    _ experiment: ExperimentConfiguration, dataset: String, seed: UInt64, profile: Profile,
    epochs: Int? = nil
  ) throws {
    let suffix = profile == .corrected ? "" : "-\(profile.name)"
    try self.init(
      name: "\(experiment.name)-\(dataset)\(suffix)-seed\(seed)", experiment, seed: seed,
      profile: profile, epochs: epochs)
  }

  /// - Parameters:
  ///   - profile: under which the run is trained.
  ///   - weights: the run that trains the weights; this one when nil.
  ///   - judged: the profile for judging; that of the training when nil.
  ///   - judgedTerms: the last power in SOC's series for judging; that of the training when nil.
  init(
    name: String, _ experiment: ExperimentConfiguration, seed: UInt64, profile: Profile,
    epochs: Int?, weights: String? = nil, variant: String? = nil, judged: Profile? = nil,
    judgedTerms: Int? = nil, isAudited: Bool = true
  ) throws {
    configuredEpochs = experiment.training.epochs
    var experiment = experiment
    experiment.training.seed = seed
    experiment.training.profile = profile
    if let epochs { experiment.training.epochs = epochs }
    let isPlain = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isPlain, !name.hasPrefix(".") else {
      throw ReferenceError.mismatch(
        expected: "an experiment's name of letters, digits, '.', '_' and '-', which folders get",
        found: "'\(experiment.name)'")
    }
    self.name = name
    self.experiment = experiment
    self.weights = weights ?? name
    self.variant = variant
    self.isAudited = isAudited
    self.judged = judged ?? experiment.training.profile
    self.judgedTerms = judgedTerms
    judgedName = self.judged.shownName + (judgedTerms.map { ", SOC with \($0) terms" } ?? "")
  }
}

/// Runs that belong together: they get the same number of epochs.
package struct ReproductionGroup: Sendable {
  package let name: String
  package let runs: [ReproductionRun]

  /// - Precondition: there is at least one run, and all are configured for as many epochs.
  package init(name: String, runs: [ReproductionRun]) {
    precondition(Set(runs.map(\.experiment.training.epochs)).count == 1, "runs of equal length")
    self.name = name
    self.runs = runs
  }

  /// The epochs that the runs are configured for.
  package var epochs: Int { runs[0].experiment.training.epochs }

  /// What the group takes, in the units of a run.
  var expense: Double { runs.reduce(0) { $0 + $1.expense } }
}

extension Profile {
  /// "published", "corrected", or "corrected with" the quirks that are on.
  package var shownName: String {
    let quirks = Quirk.all.filter { self[keyPath: $0.path] }.map(\.name)
    return name == "mixed" ? "corrected with \(quirks.joined(separator: ", "))" : name
  }
}
