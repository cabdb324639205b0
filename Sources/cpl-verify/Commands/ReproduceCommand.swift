// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct ReproduceCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Reproduces reports: trains, judges, and compares the results with the paper's.",
    discussion: """
      NAME is an experiment (\(BuiltInExperiments.names.joined(separator: ", "))), a configuration \
      of your own that ends in .yml, a table of the paper (table-cifar10, table-cifar100), or a study, on \
      cpl-small, or without --data on cpl-tiny: 'quirks', each quirk of the published pipeline switched on \
      alone; 'depth', 10 to 1000 convolutions; 'margin', the margin of the loss; 'batch-size'; 'shape', \
      convolutions against dense layers; 'layers', each kind of layers in the ConvNet of "1-Lipschitz Layers \
      Compared"; 'terms', the terms of SOC's series in it. Weights and results are kept in a folder for each run, and the pages, without weights, in \
      REPORTS, where README.md holds the tables.

      After an interruption the same command continues; finished runs are recognised by their \
      digests and left as it is. The cheapest runs come first. With --budget nothing is begun that \
      is not expected to end within it; where the configured epochs do not fit, the run gets those \
      that do, with the learning rate's schedule scaled to them, and its report says so.

      With --shard several processes, such as those of a Slurm array job, share the runs and leave weights \
      and results in RUNS, without pages; afterwards --collect makes the pages of them, as one process \
      would have.

      Exit code 0 when all was run, 1 when a certificate is broken, 2 when the budget left something \
      out, or --collect finds a run that is not complete.
      """)

  @Argument(help: "What to reproduce.")
  var names: [String]

  @Option(help: ArgumentHelp("For so long, such as 2h, 90m or 1h30m.", valueName: "time"))
  var budget: Duration?

  @Option(
    help: ArgumentHelp(
      "For each training so long, whatever is configured: the epochs that fit.", valueName: "time"))
  var budgetEach: Duration?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The seeds, a run each, such as 0,1,2.", valueName: "list"))
  var seeds = Seeds(values: [0])

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The number of epochs to train for.", valueName: "count"))
  var epochs: Int?

  @Option(help: "Train and judge with the published pipeline's quirks, or without.")
  var profile = ProfileName.corrected

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Attack only the first test images of each run, this many.", valueName: "count"))
  var audit = 200

  @Option(help: ArgumentHelp("The folder for the pages.", valueName: "reports"))
  var out = "reports"

  @Option(help: ArgumentHelp("The folder for weights and results.", valueName: "runs"))
  var runs = "runs"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Only the i-th of n parts of the runs, and no pages; --collect makes them.", valueName: "i/n")
  )
  var shard: Shard?

  @Flag(help: "Run nothing: make the pages of what all shards have left.")
  var collect = false

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    for (flag, folder) in [("--out", out), ("--runs", runs)] where folder.isEmpty {
      throw ValidationError("\(flag) is the name of a folder, not empty")
    }
    if let epochs, !TrainingConfiguration.possibleEpochs.contains(epochs) {
      let range = TrainingConfiguration.possibleEpochs
      throw ValidationError(
        "--epochs is \(range.lowerBound) to \(range.upperBound), not \(epochs)")
    }
    guard (0...1_000_000).contains(audit) else {
      throw ValidationError("--audit is 0 to 1000000 images, not \(audit)")
    }
    if shard != nil || collect, budget != nil {
      throw ValidationError(
        "--shard and --collect take no --budget: the runs of a group have equal epochs, which --epochs sets"
      )
    }
    if let budgetEach {
      guard budgetEach.seconds > 0 else { throw ValidationError("--budget-each is more than 0") }
      guard budget == nil, epochs == nil, shard == nil, !collect else {
        throw ValidationError(
          "--budget-each sets the epochs of each training on this machine: it goes with none of --epochs, --budget, "
            + "--shard and --collect")
      }
    }
    if shard != nil, collect {
      throw ValidationError("--collect makes the pages of all shards: give either")
    }
    if dataOptions.indices != nil {
      throw ValidationError("reproduce takes --limit, for training and test images, not --indices")
    }
    for (position, name) in names.enumerated() {
      guard ReproductionPlan.isFile(name) || ReproductionPlan.known.contains(name) else {
        throw ValidationError(
          "'\(name)' is not one of \(ReproductionPlan.known.joined(separator: ", ")), nor a file that "
            + "ends in .yml")
      }
      if names[..<position].contains(name) { throw ValidationError("'\(name)' is named twice") }
    }
  }

  private var request: ReproductionRequest {
    var request = ReproductionRequest(
      names: names, seeds: seeds.values, epochs: epochs, profile: profile.profile, audit: audit,
      out: out, runs: runs, images: dataOptions.images,
      command: Program.command(without: "--collect"))
    (request.shard, request.collects) = (shard, collect)
    return request
  }

  func run() throws {
    let start = Date()
    let workplace = options.workplace
    let plan = try ReproductionPlan(request)
    var work = try ReproductionWork(plan, workplace)
    let reproduction = Reproduction(
      plan.groups, budget: budget?.seconds, budgetEach: budgetEach?.seconds, collects: collect
    ) {
      Date().timeIntervalSince(start)
    }
    let outcomes: [Reproduction.Outcome]
    do {
      outcomes = try reproduction.run(&work)
    } catch let code as Exit {
      workplace.observer.note("stopped; the same command continues")
      throw code
    }
    let records = try work.finish(outcomes)
    try show(outcomes, records)
    if records.contains(where: { $0.audit?.violations ?? 0 > 0 }) { throw Exit.violated }
    if outcomes.contains(where: { $0.reason != nil }) { throw Exit.inconclusive }
  }

  private func show(_ outcomes: [Reproduction.Outcome], _ records: [ReproductionRecord]) throws {
    if options.json {
      return try Output.json(
        Document(
          ran: records,
          notRun: outcomes.compactMap { outcome in
            outcome.reason.map { Document.NotRun(name: outcome.run.name, reason: $0) }
          }, reports: shard == nil ? "\(out)/README.md" : nil))
    }
    let certified = Epsilon.published[0]
    for outcome in outcomes {
      if let reason = outcome.reason {
        try Output.line("not run   \(outcome.run.name): \(reason)")
      } else if let record = records.first(where: { $0.name == outcome.run.name }) {
        let epochs =
          record.epochs == record.configuredEpochs
          ? "\(record.epochs) epochs" : "\(record.epochs) of \(record.configuredEpochs) epochs"
        let sound = record.certified(.sound, certified).map {
          ", sound at \(certified) \(Output.percent($0))"
        }
        try Output.line(
          "ran       \(record.name): \(epochs), clean \(Output.percent(record.accuracy))"
            + "\(sound ?? "")"
            + (record.audit.map { ", \($0.verdict)" } ?? ""))
      }
    }
    if let shard {
      if outcomes.isEmpty { try Output.line("none of the runs is in part \(shard)") }
    } else {
      try Output.line("\(out)/README.md")
    }
  }

  private struct Document: Encodable {
    struct NotRun: Encodable {
      let name: String
      let reason: String
    }
    let ran: [ReproductionRecord]
    let notRun: [NotRun]
    let reports: String?
  }
}

/// A length of time as a flag tells it: "2h", "90m", "1h30m", "45s", or seconds.
struct Duration: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    if let seconds = Double(argument), seconds.isFinite, seconds >= 0 {
      self.seconds = seconds
      return
    }
    guard
      let match = argument.wholeMatch(of: /(?:(\d{1,6})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,9})s)?/),
      !argument.isEmpty
    else { return nil }
    func number(_ text: Substring?) -> Double { text.flatMap { Double($0) } ?? 0 }
    seconds = number(match.1) * 3600 + number(match.2) * 60 + number(match.3)
  }
}

/// Seeds as a flag lists them: "0,1,2", none twice.
struct Seeds: ExpressibleByArgument {
  let values: [UInt64]

  init(values: [UInt64]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { UInt64($0) }
    guard values.count == parts.count, Set(values).count == values.count, values.count <= 1000
    else { return nil }
  }

  var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }
}
