// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// Runs that differ in one thing, and what their page has to say of it.
package struct Study: Sendable {
  /// What is studied, as the page's headline.
  let title: String
  /// What the rows of a table are.
  let subject: String
  /// How it was measured.
  let method: String
  /// What the variants are, where their names do not say it.
  let items: [String]
  /// The variant that the others are compared with; nil where none is the measure.
  let baseline: String?
  /// What is measured.
  package let group: ReproductionGroup
  /// The figures that others published of the variants, at their own size and length; nil where there are none.
  var published: Published?
  /// The variants that are not measured, and why.
  package let excluded: [(variant: String, reason: String)]

  /// The variants' names, in the order of their runs.
  var variants: [String] {
    var names: [String] = []
    for case let name? in group.runs.map(\.variant) where !names.contains(name) {
      names.append(name)
    }
    return names
  }
}

extension Study {
  /// The studies, under the names by which they are asked for.
  package enum Kind: String, CaseIterable, Sendable {
    case quirks, depth, margin
    case batchSize = "batch-size"
    case shape, layers, terms
  }

  /// A study on variants of an experiment, each trained from every seed.
  ///
  /// - Parameter epochs: the number of epochs, where the experiment's own is not wanted.
  /// - Throws: `ReferenceError` for an experiment that has no such variants.
  package init(
    _ kind: Kind, of experiment: ExperimentConfiguration, dataset: String, seeds: [UInt64],
    epochs: Int? = nil
  ) throws {
    switch kind {
    case .quirks:
      self = try .quirks(experiment, dataset: dataset, seeds: seeds, epochs: epochs)
    case .depth:
      try self.init(
        kind, "Depth: does it train, and what does it certify", subject: "convolutions",
        "The number of convolutional layers is changed and nothing else.",
        [10, 30, 100, 300, 1000].map { layers in
          ("\(layers)", { $0.model.recipe?.convolutionLayers = layers })
        }, of: experiment, dataset, seeds, epochs)
    case .margin:
      try self.init(
        kind, "The margin m of the loss", subject: "m",
        "The margin of the loss is changed and nothing else: a larger one asks for larger certified radii.",
        [0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4].map { margin in
          ("\(margin)", { $0.training.margin = margin })
        }, of: experiment, dataset, seeds, epochs)
    case .batchSize:
      try self.init(
        kind, "The size of a batch", subject: "images a step",
        "The number of images a step is changed and nothing else; epochs, and so steps times images, stay.",
        [64, 128, 256, 512, 1024].map { batch in
          ("\(batch)", { $0.training.batch = batch })
        }, of: experiment, dataset, seeds, epochs)
    case .shape:
      let total = experiment.model.recipe.map { $0.convolutionLayers + $0.linearLayers } ?? 0
      try self.init(
        kind, "Convolutional against dense layers", subject: "convolutions and dense layers",
        "The number of layers stays, and how many of them are convolutions is changed.",
        Array(Set([0, total / 3, 2 * total / 3, total])).sorted().map { convolutions in
          (
            "\(convolutions)-and-\(total - convolutions)",
            {
              $0.model.recipe?.convolutionLayers = convolutions
              $0.model.recipe?.linearLayers = total - convolutions
            }
          )
        }, of: experiment, dataset, seeds, epochs)
    case .layers:
      let size = Self.size(for: experiment)
      try self.init(
        kind, "1-Lipschitz layers in one skeleton", subject: "layers",
        "Each kind of layers in the ConvNet of '1-Lipschitz Layers Compared' (Prach, Brau, Buttazzo and Lampert, CVPR "
          + "2024) with width \(size.width) and \(size.depth) layers a block, trained alike: same images, batches, loss "
          + "and schedule, the convex potential layers' own, and the same epochs or the same time.",
        ConvNetRecipe.layers.map { layer in
          (layer, { $0.model = Self.convNet(layer, for: $0) })
        }, of: experiment, dataset, seeds, epochs)
      if dataset == "cifar10" { published = .convNets }
    case .terms:
      let size = Self.size(for: experiment)
      try self.init(
        kind, "The terms of SOC's series", subject: "k",
        "SOC layers in the ConvNet of '1-Lipschitz Layers Compared' with width \(size.width) and \(size.depth) layers a "
          + "block: their series ends with the power k, in training and in evaluation. With k = 4, 8 and 12 it expands "
          + "nothing where the norm of its map is below 2.82, 3.39 and 3.37; with k = 5 it does. '5-then-12' is what the "
          + "published code does: the weights that are trained with k = 5, judged with k = 12.",
        [4, 8, 12, 5].map { (terms: Int) in
          ("\(terms)", { $0.model = Self.convNet(SOCKind.family ?? "", terms: terms, for: $0) })
        }, judged: [("5-then-12", weights: "5", terms: 12)],
        of: experiment, dataset, seeds, epochs)
    }
  }

  /// - Parameters:
  ///   - variants: what each changes of the experiment.
  ///   - judged: variants that are the weights of others, judged with another last power in SOC's series.
  private init(
    _ kind: Kind, _ title: String, subject: String, _ method: String,
    _ variants: [(name: String, change: (inout ExperimentConfiguration) -> Void)],
    judged: [(name: String, weights: String, terms: Int)] = [],
    of experiment: ExperimentConfiguration, _ dataset: String, _ seeds: [UInt64], _ epochs: Int?
  ) throws {
    let prefix = "\(experiment.name)-\(dataset)-\(kind.rawValue)"
    var runs: [ReproductionRun] = []
    var excluded: [(String, String)] = []
    func add(
      _ name: String, _ changed: ExperimentConfiguration, weights: String? = nil, terms: Int? = nil
    ) throws {
      for seed in seeds {
        runs.append(
          try ReproductionRun(
            name: "\(prefix)-\(name)-seed\(seed)", changed, seed: seed, profile: .corrected,
            epochs: epochs, weights: weights.map { "\(prefix)-\($0)-seed\(seed)" }, variant: name,
            judgedTerms: terms))
      }
    }
    for (name, change) in variants {
      var changed = experiment
      change(&changed)
      changed.name = "\(experiment.name)-\(kind.rawValue)-\(name)"
      if let problem = changed.model.problem ?? changed.training.problem {
        excluded.append(
          (name, "\(problem.key): expected \(problem.expected), found \(problem.found)"))
        continue
      }
      try add(name, changed)
      for other in judged where other.weights == name {
        try add(other.name, changed, weights: name, terms: other.terms)
      }
    }
    guard !runs.isEmpty else {
      throw ReferenceError.mismatch(
        expected: "an experiment that the study '\(kind.rawValue)' can vary",
        found: excluded.map { "\($0): \($1)" }.joined(separator: "; "))
    }
    self.init(
      title: title, subject: subject, method: method, items: [], baseline: nil,
      group: ReproductionGroup(name: prefix, runs: runs), excluded: excluded)
  }
}
