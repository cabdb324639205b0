// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// Runs groups of runs, the cheapest first, and leaves out what does not fit the budget.
///
/// Nothing is begun that is not expected to end within the budget, and what is begun is finished:
/// the budget is kept as well as the cost of an epoch, measured on the first steps, predicts.
/// When the configured epochs of a group do not fit, all its runs are given the number that does,
/// and with it a schedule of that length; a run that was begun keeps the number that it has.
///
/// With the same budget for each training instead, every variant of a study has the epochs that fit into it.
package struct Reproduction {
  /// How far a run has come.
  package struct Progress: Equatable, Sendable {
    /// The number of epochs that the run was begun with; nil before it is begun.
    package var epochs: Int?
    package var epochsDone: Int
    /// Whether its results are there.
    package var isJudged: Bool

    package init(epochs: Int? = nil, epochsDone: Int = 0, isJudged: Bool = false) {
      self.epochs = epochs
      self.epochsDone = epochsDone
      self.isJudged = isJudged
    }
  }

  /// What a run takes, as measured on its first steps.
  package struct Cost: Equatable, Sendable {
    package let secondsPerEpoch: Double
    package let secondsToJudge: Double

    package init(secondsPerEpoch: Double, secondsToJudge: Double) {
      self.secondsPerEpoch = secondsPerEpoch
      self.secondsToJudge = secondsToJudge
    }
  }

  /// What became of a run.
  package struct Outcome: Equatable, Sendable {
    package let run: ReproductionRun
    /// Why it was not run; nil when it was.
    package let reason: String?
  }

  /// What carries the runs out.
  package protocol Executor {
    func progress(of run: ReproductionRun) throws -> Progress
    /// Measures what an epoch and the judging take.
    func cost(of run: ReproductionRun) throws -> Cost
    /// Takes a run to its end, from wherever it was left.
    ///
    /// - Parameters:
    ///   - epochs: how many it has.
    ///   - reason: why a run that is begun now has not the configured ones; nil where it has.
    mutating func complete(_ run: ReproductionRun, epochs: Int, reason: String?) throws
  }

  /// The share of the budget that is planned with: what an epoch takes varies.
  private static let plannedShare = 0.95

  private let groups: [ReproductionGroup]
  private let budget: Double?
  private let budgetEach: Double?
  private let collects: Bool
  private let clock: () -> Double

  /// - Parameters:
  ///   - budget: in seconds; nil for as long as it takes.
  ///   - budgetEach: that of each training, whatever is configured; nil where it has the configured epochs.
  ///   - collects: whether only runs that are complete already are looked through.
  ///   - clock: the seconds since the work began.
  package init(
    _ groups: [ReproductionGroup], budget: Double?, budgetEach: Double? = nil,
    collects: Bool = false, clock: @escaping () -> Double
  ) {
    // Sorted stably: groups of equal expense stay as they were asked for.
    self.groups = groups.enumerated()
      .sorted { ($0.element.expense, $0.offset) < ($1.element.expense, $1.offset) }
      .map(\.element)
    self.budget = budget
    self.budgetEach = budgetEach
    self.collects = collects
    self.clock = clock
  }

  /// Carries out what the budget allows.
  ///
  /// - Returns: what became of every run, in the order in which they came to their turn.
  package func run(_ executor: inout some Executor) throws -> [Outcome] {
    try groups.flatMap { try run($0, &executor) }
  }

  private var secondsLeft: Double {
    budget.map { max(0, $0 - clock()) } ?? .infinity
  }

  private func run(
    _ group: ReproductionGroup, _ executor: inout some Executor
  ) throws -> [Outcome] {
    let progress = try group.runs.map { try executor.progress(of: $0) }
    if collects {
      return try finish(group, progress, &executor) { _, progress in
        guard let epochs = progress.epochs else { return "it was not begun" }
        return progress.isTrained
          ? "it was not judged" : "it has \(progress.epochsDone) of its \(epochs) epochs"
      }
    }
    if let budgetEach { return try run(group, progress, each: budgetEach, &executor) }
    let begun = progress.compactMap(\.epochs).max()
    let isOpen = zip(group.runs, progress).map { !$1.isJudged || ($0.trains && !$1.isTrained) }
    var epochs = begun ?? group.epochs
    // Those that are begun now keep to what the others of their group have.
    var reason = epochs < group.epochs ? "its group was begun with \(epochs)" : nil
    var cost: Cost?
    if let budget,
      let first = zip(group.runs, isOpen).first(where: { $0.0.trains && $0.1 })?.0
        ?? zip(group.runs, isOpen).first(where: \.1)?.0
    {
      guard secondsLeft > 0 else {
        return try finish(group, progress, &executor) { _, _ in
          budget > 0 ? "the budget of \(Self.shown(budget)) is used up" : "the budget is 0"
        }
      }
      let measured = try executor.cost(of: first)
      cost = measured
      if begun == nil {
        let planned = secondsLeft * Self.plannedShare
        let judging = measured.secondsToJudge * Double(group.runs.count)
        let trainings = group.runs.count(where: \.trains)
        let epochSeconds = measured.secondsPerEpoch * Double(trainings)
        if epochSeconds * Double(group.epochs) + judging > planned {
          let fitting = ((planned - judging) / epochSeconds).rounded(.down)
          guard fitting >= 1 else {
            let needed = Self.shown(epochSeconds + judging)
            return try finish(group, progress, &executor) { _, _ in
              "one epoch and judging take \(needed) for all \(group.runs.count) runs of its group, "
                + "and \(Self.shown(secondsLeft)) of the budget is left"
            }
          }
          epochs = Int(min(fitting, Double(group.epochs)))
          reason =
            "an epoch takes \(Self.shown(measured.secondsPerEpoch)) and judging "
            + "\(Self.shown(measured.secondsToJudge)), as measured on the first steps, and "
            + "\(Self.shown(secondsLeft)) of the budget was left for \(trainings) "
            + (trainings == 1 ? "training" : "trainings")
        }
        cost = nil
      }
    }
    return try finish(
      group, progress, &executor, epochs: { _ in epochs }, reason: { _ in reason }
    ) { run, progress in
      guard let cost else { return nil }
      let left = Double(max(0, (progress.epochs ?? epochs) - progress.epochsDone))
      let needed =
        (run.trains ? left * cost.secondsPerEpoch : 0)
        + (progress.isJudged ? 0 : cost.secondsToJudge)
      return needed > secondsLeft
        ? "it still takes about \(Self.shown(needed)), and \(Self.shown(secondsLeft)) of the "
          + "budget is left" : nil
    }
  }

  /// As many epochs for each training as fit into so many seconds: alike for all seeds of a variant, the first of which is
  /// measured, unless one was begun.
  private func run(
    _ group: ReproductionGroup, _ progress: [Progress], each seconds: Double,
    _ executor: inout some Executor
  ) throws -> [Outcome] {
    var epochs: [String?: Int] = [:]
    for (run, progress) in zip(group.runs, progress) where run.trains {
      if let begun = progress.epochs { epochs[run.variant] = begun }
    }
    var reasons: [String?: String] = [:]
    for run in group.runs where run.trains && reasons[run.variant] == nil {
      if let begun = epochs[run.variant] {
        reasons[run.variant] = "its variant was begun with \(begun)"
        continue
      }
      let epoch = try executor.cost(of: run).secondsPerEpoch
      let most = TrainingConfiguration.possibleEpochs.upperBound
      let fitting = min((seconds / epoch).rounded(.down), Double(most))
      epochs[run.variant] = Int(fitting)
      reasons[run.variant] =
        "an epoch takes \(Self.shown(epoch)), as measured on the first steps, and each training has "
        + Self.shown(seconds)
    }
    let variants = Dictionary(
      group.runs.map { ($0.name, $0.variant) }, uniquingKeysWith: { first, _ in first })
    func training(_ run: ReproductionRun) -> String? { variants[run.weights] ?? run.variant }
    return try finish(
      group, progress, &executor, epochs: { epochs[training($0)] },
      reason: { epochs[$0.variant] == group.epochs ? nil : reasons[$0.variant] }
    ) { run, _ in
      epochs[training(run)] == 0 ? reasons[training(run)] : nil
    }
  }

  /// Completes what nothing speaks against; what is complete already costs nothing and is only
  /// looked through.
  private func finish(
    _ group: ReproductionGroup, _ progress: [Progress], _ executor: inout some Executor,
    epochs: (ReproductionRun) -> Int? = { _ in nil },
    reason: (ReproductionRun) -> String? = { _ in nil },
    unless: (ReproductionRun, Progress) -> String?
  ) throws -> [Outcome] {
    var left: Set<String> = []
    return try zip(group.runs, progress).map { run, progress in
      let isComplete = progress.isJudged && (!run.trains || progress.isTrained)
      let obstacle =
        isComplete
        ? nil
        : left.contains(run.weights)
          ? "its weights are those of \(run.weights)" : unless(run, progress)
      if let obstacle {
        left.insert(run.name)
        return Outcome(run: run, reason: obstacle)
      }
      try executor.complete(
        run, epochs: progress.epochs ?? epochs(run) ?? group.epochs, reason: reason(run))
      return Outcome(run: run, reason: nil)
    }
  }

  /// A duration as people read it.
  package static func shown(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded(.up))
    if whole < 120 { return "\(whole) s" }
    if whole < 7200 { return "\((whole + 30) / 60) min" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}

extension Reproduction.Progress {
  /// Whether all epochs are done.
  var isTrained: Bool { epochs.map { epochsDone >= $0 } ?? false }
}
