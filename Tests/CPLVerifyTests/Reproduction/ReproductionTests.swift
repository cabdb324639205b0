// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("A reproduction's budget")
struct ReproductionTests {
  /// An executor whose runs cost what it is told, on a clock of its own.
  private final class Worker: Reproduction.Executor {
    var seconds = 0.0
    var state: [String: Reproduction.Progress] = [:]
    var completed: [(name: String, epochs: Int, reason: String?)] = []
    var measured = 0
    let cost: Reproduction.Cost
    /// Seconds an epoch, where they are not those of `cost`.
    var costs: ((ReproductionRun) -> Double)?

    init(secondsPerEpoch: Double = 10, secondsToJudge: Double = 5) {
      cost = Reproduction.Cost(secondsPerEpoch: secondsPerEpoch, secondsToJudge: secondsToJudge)
    }

    func progress(of run: ReproductionRun) -> Reproduction.Progress {
      state[run.name] ?? Reproduction.Progress()
    }

    func cost(of run: ReproductionRun) -> Reproduction.Cost {
      measured += 1
      return costs.map {
        Reproduction.Cost(secondsPerEpoch: $0(run), secondsToJudge: cost.secondsToJudge)
      } ?? cost
    }

    func complete(_ run: ReproductionRun, epochs: Int, reason: String?) {
      completed.append((run.name, epochs, reason))
      let before = progress(of: run)
      if run.trains { seconds += Double(epochs - before.epochsDone) * cost.secondsPerEpoch }
      if !before.isJudged { seconds += cost.secondsToJudge }
      state[run.name] = Reproduction.Progress(epochs: epochs, epochsDone: epochs, isJudged: true)
    }
  }

  private func group(
    _ name: String, epochs: Int = 10, channels: Int = 4, seeds: [UInt64] = [0]
  ) throws -> ReproductionGroup {
    let model = ModelRecipe(
      convolutionLayers: 1, channels: channels, linearLayers: 1, linearInner: 8)
    var training = TrainingConfiguration()
    training.epochs = epochs
    let experiment = ExperimentConfiguration(name: name, model: .recipe(model), training: training)
    return ReproductionGroup(
      name: name,
      runs: try seeds.map {
        try ReproductionRun(experiment, dataset: "synthetic", seed: $0, profile: .corrected)
      })
  }

  private func run(
    _ groups: [ReproductionGroup], budget: Double?, each: Double? = nil, _ worker: Worker
  ) throws -> [Reproduction.Outcome] {
    var executor = worker
    return try Reproduction(groups, budget: budget, budgetEach: each) { worker.seconds }
      .run(&executor)
  }

  @Test("with the same time for each, every variant has the epochs that fit, alike for all seeds")
  func each() throws {
    let base = try #require(try BuiltInExperiments.named("cpl-tiny"))
    let study = try Study(.terms, of: base, dataset: "cifar10", seeds: [0, 7])
    let worker = Worker()
    worker.costs = { $0.variant == "8" ? 30 : $0.variant == "12" ? 200 : 10 }
    let begun = try #require(study.group.runs.first { $0.variant == "4" }).name
    worker.state[begun] = Reproduction.Progress(epochs: 3, epochsDone: 1)
    let outcomes = try run([study.group], budget: nil, each: 100, worker)
    func epochs(_ variant: String) -> [Int] {
      let names = study.group.runs.filter { $0.variant == variant }.map(\.name)
      return worker.completed.filter { names.contains($0.name) }.map(\.epochs)
    }
    // One was begun, of one an epoch does not fit, and one judges the weights of another.
    #expect(epochs("4") == [3, 3] && epochs("8") == [3, 3] && epochs("12").isEmpty)
    #expect(epochs("5") == [10, 10] && epochs("5-then-12") == [10, 10])
    #expect(worker.measured == 3)
    #expect(outcomes.filter { $0.reason != nil }.map(\.run.variant) == ["12", "12"])
    let reasons = worker.completed.compactMap(\.reason)
    #expect(reasons.contains { $0.contains("an epoch takes 30 s") && $0.contains("100 s") })
  }

  @Test("a budget of 0 runs nothing, measures nothing, and says so of every run")
  func nothing() throws {
    let worker = Worker()
    let outcomes = try run([group("a", seeds: [0, 1]), group("b")], budget: 0, worker)
    #expect(worker.completed.isEmpty && worker.measured == 0)
    #expect(
      outcomes.map(\.run.name)
        == ["b-synthetic-seed0", "a-synthetic-seed0", "a-synthetic-seed1"])
    #expect(outcomes.allSatisfy { $0.reason == "the budget is 0" })
  }

  @Test("without a budget all runs have the configured epochs, the cheapest first")
  func everything() throws {
    let worker = Worker()
    let outcomes = try run(
      [group("large", channels: 64), group("small"), group("longer", epochs: 12)], budget: nil,
      worker)
    #expect(outcomes.allSatisfy { $0.reason == nil })
    #expect(worker.measured == 0)
    #expect(
      worker.completed.map(\.name)
        == ["small-synthetic-seed0", "longer-synthetic-seed0", "large-synthetic-seed0"])
    #expect(worker.completed.map(\.epochs) == [10, 12, 10])
    #expect(worker.completed.allSatisfy { $0.reason == nil })
  }

  @Test("epochs that do not fit are scaled, alike for all seeds, and the reason says so")
  func scaled() throws {
    // 95 % of 400 s are 380 s; judging takes 15 s of them and an epoch of the three runs 30 s: 12.
    let worker = Worker()
    let outcomes = try run([group("a", epochs: 200, seeds: [0, 1, 2])], budget: 400, worker)
    #expect(outcomes.allSatisfy { $0.reason == nil })
    #expect(worker.completed.map(\.epochs) == [12, 12, 12])
    #expect(worker.completed.allSatisfy { $0.reason?.contains("an epoch takes 10 s") == true })
    #expect(worker.seconds <= 400)
  }

  @Test("what does not fit with one epoch is not begun, and costlier ones are said to be left out")
  func tooCostly() throws {
    let worker = Worker(secondsPerEpoch: 100)
    let outcomes = try run(
      [group("a", seeds: [0, 1]), group("b", epochs: 1, seeds: [0])], budget: 150, worker)
    #expect(worker.completed.map(\.name) == ["b-synthetic-seed0"])
    #expect(outcomes.map { $0.reason == nil } == [true, false, false])
    #expect(outcomes.last?.reason?.contains("one epoch and judging take") == true)
  }

  @Test("a run that was begun keeps its epochs, and another of its group gets as many")
  func begun() throws {
    let worker = Worker()
    worker.state["a-synthetic-seed0"] = Reproduction.Progress(epochs: 7, epochsDone: 3)
    _ = try run([group("a", epochs: 200, seeds: [0, 1])], budget: 1000, worker)
    #expect(worker.completed.map(\.epochs) == [7, 7])
    #expect(worker.completed.last?.reason == "its group was begun with 7")
    #expect(worker.seconds == 40 + 5 + 70 + 5)
  }

  @Test("what is complete needs no budget; what cannot end within it waits")
  func complete() throws {
    let worker = Worker()
    worker.state["a-synthetic-seed0"] = Reproduction.Progress(
      epochs: 7, epochsDone: 7, isJudged: true)
    worker.state["b-synthetic-seed0"] = Reproduction.Progress(epochs: 9, epochsDone: 1)
    let outcomes = try run([group("a"), group("b")], budget: 60, worker)
    #expect(outcomes[0].reason == nil)
    #expect(outcomes[1].reason == "it still takes about 85 s, and 60 s of the budget is left")
    #expect(worker.completed.map(\.name) == ["a-synthetic-seed0"])
  }

  @Test("names that no folder can have are refused", arguments: ["a/b", "../a", ".a", "a b", "ü"])
  func names(name: String) {
    #expect(throws: ReferenceError.self) { try group(name) }
  }
}

@Suite("A study of quirks")
struct QuirkStudyTests {
  private func study(head: ModelRecipe.Head) throws -> Study {
    let model = ModelRecipe(
      convolutionLayers: 1, channels: 4, linearLayers: 1, linearInner: 8, head: head)
    return try Study(
      .quirks,
      of: ExperimentConfiguration(
        name: "x", model: .recipe(model), training: TrainingConfiguration()),
      dataset: "synthetic", seeds: [3, 4])
  }

  @Test("every quirk is either measured alone or excluded with a reason")
  func all() throws {
    for head in ModelRecipe.Head.allCases {
      let study = try study(head: head)
      let measured = Set(study.group.runs.compactMap(\.variant))
      for quirk in Quirk.all {
        #expect(
          measured.contains(quirk.name) != study.excluded.contains { $0.variant == quirk.name })
        for run in study.group.runs where run.variant == quirk.name {
          var alone = Profile.corrected
          alone[keyPath: quirk.path] = true
          #expect(run.judged == alone)
          #expect(run.experiment.training.profile == (quirk.changesTraining ? alone : .corrected))
        }
      }
    }
  }

  @Test("the switches are all of a profile's")
  func switches() {
    var profile = Profile.corrected
    for quirk in Quirk.all { profile[keyPath: quirk.path] = true }
    #expect(profile == .published)
    #expect(Set(Quirk.all.map(\.name)).count == Quirk.all.count)
  }

  @Test("quirks of judging judge weights that a corrected run of the same seed trains, and before")
  func weights() throws {
    let runs = try study(head: .lln).group.runs
    for (position, run) in runs.enumerated() where !run.trains {
      let origin = try #require(runs[..<position].first { $0.name == run.weights })
      #expect(origin.trains && origin.variant == "corrected")
      #expect(origin.experiment == run.experiment)
    }
    #expect(Set(runs.map(\.name)).count == runs.count)
  }
}

@Suite("Studies of training")
struct StudyTests {
  @Test("every variant differs in one thing, and is a run a seed", arguments: Study.Kind.allCases)
  func variants(kind: Study.Kind) throws {
    for name in ["cpl-tiny", "cpl-small"] {
      let base = try #require(try BuiltInExperiments.named(name))
      let study = try Study(kind, of: base, dataset: "cifar10", seeds: [0, 7], epochs: 3)
      let runs = study.group.runs
      #expect(runs.allSatisfy { $0.experiment.training.epochs == 3 && $0.variant != nil })
      #expect(Set(runs.map(\.name)).count == runs.count)
      #expect(Set(runs.compactMap(\.variant)).count * 2 == runs.count)
      guard kind != .quirks else { continue }
      #expect(study.excluded.isEmpty && runs.count > 4, "\(study.excluded)")
      let trained = runs.filter(\.trains)
      #expect(Set(trained.map { try? $0.experiment.yaml() }).count == trained.count)
      for run in runs {
        try run.experiment.check(path: run.name)
        #expect(run.isAudited && run.trains == (run.judgedTerms == nil))
        let origin = try #require(trained.first { $0.name == run.weights })
        #expect(origin.experiment == run.experiment)
        var model = run.experiment
        (model.training.seed, model.training.epochs, model.name) = (
          base.training.seed, base.training.epochs, base.name
        )
        switch kind {
        case .margin, .batchSize: #expect(model.model == base.model)
        default: #expect(model.training == base.training)
        }
      }
    }
  }

  @Test("a study whose variants cannot be is refused with the reason")
  func impossible() throws {
    var base = try #require(try BuiltInExperiments.named("cpl-tiny"))
    base.model.recipe?.image = [3, 28, 28]
    #expect {
      try Study(.layers, of: base, dataset: "a", seeds: [0])
    } throws: { error in
      "\(error)".contains("layers") && "\(error)".contains("28×28")
    }
  }
}

@Suite("Mean and spread")
struct SpreadTests {
  @Test("the mean and the sample standard deviation are those computed by hand")
  func byHand() throws {
    // Mean 5, squared deviations 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32, over 7.
    let spread = try #require(Spread([2, 4, 4, 4, 5, 5, 7, 9]))
    #expect(spread.count == 8 && spread.mean == 5)
    #expect(abs(spread.standardDeviation! - 2.138089935299395) < 1e-15)
    // Two values: half their distance times √2.
    #expect(Spread([0.25, 0.75])?.standardDeviation == 0.5.squareRoot() / 2)
  }

  @Test("one run has no spread, and none no mean")
  func few() {
    #expect(Spread([0.5]) == Spread([0.5]) && Spread([0.5])?.standardDeviation == nil)
    #expect(Spread([]) == nil)
  }
}

@Suite("Built-in experiments")
struct BuiltInExperimentTests {
  @Test("they are the files of the repository")
  func files() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "experiments")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".yml") }
    #expect(Set(names) == Set(BuiltInExperiments.names.map { "\($0).yml" }))
    for name in BuiltInExperiments.names {
      let path = folder.appending(path: "\(name).yml").path
      let file = try ExperimentConfiguration(
        yaml: String(contentsOfFile: path, encoding: .utf8), path: path)
      #expect(try BuiltInExperiments.named(name) == file && file.name == name)
    }
    #expect(try BuiltInExperiments.named("cpl-xxl") == nil)
  }

  @Test("the paper's sizes are named as in its table")
  func sizes() throws {
    for (name, paper) in [("cpl-s", "CPL-S"), ("cpl-xl", "CPL-XL")] {
      let model = try #require(try BuiltInExperiments.named(name)).model
      #expect(
        model.recipe?.convolutionLayers == (paper == "CPL-S" ? 20 : 70) && model.multiplyAdds > 0)
    }
    let costs = try ["cpl-tiny", "cpl-small", "cpl-s", "cpl-m", "cpl-l", "cpl-xl"].map {
      try #require(try BuiltInExperiments.named($0)).model.multiplyAdds
    }
    #expect(costs == costs.sorted())
  }
}
