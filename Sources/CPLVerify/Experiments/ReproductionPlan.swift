// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference
import CPLReproduction

/// The runs that a request comes to.
package struct ReproductionPlan {
  /// What can be asked for by name.
  package static let known =
    BuiltInExperiments.names + BuiltInExperiments.tables.keys.sorted()
    + Study.Kind.allCases.map(\.rawValue)

  /// Whether a name is that of a configuration's file.
  package static func isFile(_ name: String) -> Bool {
    name.hasSuffix(".yml") || name.hasSuffix(".yaml")
  }

  let request: ReproductionRequest
  package private(set) var groups: [ReproductionGroup] = []
  private(set) var studies: [Study] = []
  /// For each group, what it was asked for by.
  private(set) var names: [String: String] = [:]
  /// The number of test images.
  let testImages: Int
  /// The number of classes, of which images that do not tell it have as many.
  let classes: Int

  package init(_ request: ReproductionRequest) throws {
    self.request = request
    // Arrays do not tell how many classes they have; a configuration does.
    let own = request.names.first(where: Self.isFile)
    classes = try Self.configuration(own ?? "cpl-tiny").model.classes
    let all = try request.images.readAll(.test, classes: classes)
    testImages = min(request.images.limit ?? all.count, all.count)
    for name in request.names {
      if let kind = Study.Kind(rawValue: name) {
        let base = request.images.data == nil ? "cpl-tiny" : "cpl-small"
        let study = try Study(
          kind, of: try Self.experiment(base, for: all), dataset: all.name, seeds: request.seeds,
          epochs: request.epochs)
        studies.append(study)
        add(study.group, name)
        continue
      }
      if let table = BuiltInExperiments.tables[name] {
        let dataset = String(name.dropFirst("table-".count))
        guard all.name == dataset else {
          throw ReferenceError.mismatch(
            expected: "\(dataset), which \(name) is about, under --data", found: all.name)
        }
        for experiment in table { try add(experiment, all) }
        continue
      }
      try add(name, all)
    }
    if let shard = request.shard { groups = Self.part(shard, of: groups) }
  }

  /// The runs of a shard. Runs that judge the same weights stay together, so that nothing is trained twice; the
  /// most expensive come first to the shard that has the least to do.
  static func part(_ shard: Shard, of groups: [ReproductionGroup]) -> [ReproductionGroup] {
    let trainings = groups.flatMap(\.runs).filter(\.trains).enumerated().sorted {
      (-$0.element.expense, $0.offset) < (-$1.element.expense, $1.offset)
    }
    var loads = [Double](repeating: 0, count: shard.count)
    var chosen: Set<String> = []
    for run in trainings.map(\.element) {
      let least = loads.indices.min { loads[$0] < loads[$1] } ?? 0
      loads[least] += run.expense
      if least == shard.number - 1 { chosen.insert(run.name) }
    }
    return groups.compactMap { group in
      let runs = group.runs.filter { chosen.contains($0.weights) }
      return runs.isEmpty ? nil : ReproductionGroup(name: group.name, runs: runs)
    }
  }

  private mutating func add(_ name: String, _ images: ImageDataset) throws {
    let experiment = try Self.experiment(name, for: images)
    let runs = try request.seeds.map {
      try ReproductionRun(
        experiment, dataset: images.name, seed: $0, profile: request.profile,
        epochs: request.epochs)
    }
    add(ReproductionGroup(name: experiment.name, runs: runs), name)
  }

  private mutating func add(_ group: ReproductionGroup, _ name: String) {
    // A table and one of its rows may both be asked for.
    guard !groups.contains(where: { $0.runs == group.runs }) else { return }
    groups.append(group)
    for run in group.runs { names[run.name] = name }
  }

  private static func configuration(_ name: String) throws -> ExperimentConfiguration {
    try BuiltInExperiments.named(name)
      ?? ExperimentConfiguration(yaml: try InputFile.text(name), path: name)
  }

  /// An experiment for the classes of a data set.
  private static func experiment(
    _ name: String, for images: ImageDataset
  ) throws -> ExperimentConfiguration {
    var experiment = try configuration(name)
    experiment.model.recipe?.classes = images.classes
    try experiment.check(path: name)
    try experiment.checkFits(images)
    return experiment
  }
}
