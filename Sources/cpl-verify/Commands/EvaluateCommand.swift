// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

struct EvaluateCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures accuracy, certified accuracy and accuracy under attack on test images.",
    discussion: """
      Certified accuracy is shown at the paper's four radii, and at those of --epsilon. Exit code 1 \
      when a requirement is not met.

      With --certificate local and --out FILE.h5, the radii that were found are kept in FILE.journal until \
      all are: a run that was interrupted, killed or ended by --budget continues with the same command and \
      --resume.
      """)

  @OptionGroup var weights: WeightsOptions

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Also show the certified accuracy at this radius, such as 0.5 or 2/255; repeatable.",
      valueName: "epsilon"))
  var epsilon: [Epsilon] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Also attack every image by the paper's PGD at this radius, such as 36/255; repeatable.",
      valueName: "epsilon"))
  var pgd: [Epsilon] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Also attack every image by AutoAttack at this radius; repeatable.", valueName: "epsilon"))
  var autoattack: [Epsilon] = []

  @Option(parsing: .unconditional, help: "The seed that the attack's noise comes from.")
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Fail unless this holds, such as 'certified_accuracy.sound[36/255]>=0.60'; repeatable. Keys: "
        + Requirement.keys.joined(separator: ", ") + ".", valueName: "requirement"))
  var require: [String] = []

  @OptionGroup var deviceOptions: DeviceOptions
  @OptionGroup var certificates: FurtherCertificateOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    try certificates.check(results)
    if certificates.division.shard != nil, !pgd.isEmpty || !autoattack.isEmpty {
      throw ValidationError("--shard is for certificates alone: it takes no --pgd or --autoattack")
    }
    for requirement in try requirements {
      if let kind = requirement.certificate, !certificates.kinds.contains(kind) {
        throw ValidationError("--require \(requirement) needs --certificate \(kind)")
      }
      guard let (flag, epsilon) = requirement.attack else { continue }
      guard (flag == "--pgd" ? pgd : autoattack).contains(where: { $0.value == epsilon.value })
      else { throw ValidationError("--require \(requirement) needs \(flag) \(epsilon)") }
    }
  }

  private var requirements: [Requirement] {
    get throws {
      do {
        return try require.map(Requirement.init)
      } catch let error as UsageError {
        throw ValidationError(error.description)
      }
    }
  }

  func run() throws {
    let requirements = try requirements
    let file = try certificates.file(results)
    let device = try deviceOptions.chosen(options)
    var judgement = try Judgement(
      weights, dataOptions, certificates.division.place(results), options, seed: seed,
      certificate: certificates.certificate, shard: certificates.division.shard,
      localPlan: certificates.plan(also: epsilon), device: device)
    let journal = try judgement.certify(certificates, in: file)
    if let table = judgement.report.certificates {
      for (kind, epsilon) in table.kinds.flatMap({ kind in epsilon.map { (kind, $0) } }) {
        judgement.report.evaluation?.certifiedAccuracy[kind]?[epsilon] =
          table.certifiedAccuracy(kind, at: epsilon)
      }
    }
    for epsilon in pgd {
      let record = try judgement.attack(
        ProjectedGradientDescent(.published).name, epsilon: epsilon, seed: seed)
      judgement.report.evaluation?.pgdAccuracy[epsilon] = record.robustAccuracy
    }
    for epsilon in autoattack {
      let record = try judgement.attack(AutoAttack().name, epsilon: epsilon, seed: seed)
      judgement.report.evaluation?.autoattackAccuracy[epsilon] = record.robustAccuracy
    }
    let lipschitz = judgement.verified.bounds.lipschitzUpperBound
    let outcomes = requirements.map { $0.check(judgement.report) }
    try judgement.finish(journal, in: file) { report in
      if options.json {
        try Output.line(try report.json(.evaluate(requirements: outcomes)))
      } else if let evaluation = report.evaluation {
        try Output.opening(of: report)
        try show(evaluation, of: report, lipschitz: lipschitz)
        for outcome in outcomes where outcome.met { try Output.line("met: \(outcome)") }
      }
    }
    for outcome in outcomes where !outcome.met {
      StandardStream.error.write("cpl-verify: not met: \(outcome)\n")
      Annotations.write("error", title: "requirement", "not met: \(outcome)")
    }
    guard outcomes.allSatisfy(\.met) else { throw Exit.violated }
  }

  private func show(
    _ evaluation: EvaluationSummary, of report: VerificationReport, lipschitz: Double
  ) throws {
    let data = report.provenance.data.name ?? ""
    var table = TextTable(["images", "\(evaluation.images) of \(data)"])
    table.add([
      "Lipschitz, before the head", "\(Rounding.up.text(lipschitz, digits: 10)) at most",
    ])
    table.add(["accuracy", Output.percent(evaluation.accuracy)])
    if let accuracy = evaluation.binary64Accuracy {
      table.add(["accuracy in binary64", Output.percent(accuracy)])
    }
    if let nonFinite = evaluation.nonFinite, nonFinite > 0 {
      table.add([
        "logits not finite", "\(nonFinite), counted as wrong; 'certify' names the images",
      ])
    }
    if let differing = evaluation.differingPredictions {
      table.add(["other class in binary64", "\(differing)"])
    }
    let certified = evaluation.certifiedAccuracy.sorted { $0.key.rawValue < $1.key.rawValue }
    for epsilon in Set(certified.flatMap(\.value.keys)).sorted() {
      let kinds = certified.map {
        "\($0.key.rawValue) \(Output.percent($0.value[epsilon] ?? .nan))"
      }
      table.add(["certified at \(epsilon)", kinds.joined(separator: ", ")])
    }
    if let line = report.certificates?.searchedText {
      let cost = report.provenance.cost
      let seconds = cost.localSecondsPerImage.map {
        String(format: "; %.3g s for each of the \(cost.localImages ?? 0) tried now", $0)
      }
      table.add(["local certificates", line + (seconds ?? "")])
    }
    for (epsilon, accuracy) in evaluation.pgdAccuracy.sorted(by: { $0.key < $1.key }) {
      table.add(["under PGD at \(epsilon)", Output.percent(accuracy)])
    }
    for (epsilon, accuracy) in evaluation.autoattackAccuracy.sorted(by: { $0.key < $1.key }) {
      table.add(["under AutoAttack at \(epsilon)", Output.percent(accuracy)])
    }
    try Output.table(table)
  }
}
