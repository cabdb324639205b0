// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct AuditCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Attacks every certified image: is any certificate broken, and how tight are they?",
    discussion: """
      d/r is the distance of the nearest adversarial image that was found over the certified \
      radius: below 1 the certificate is broken, at 1 it cannot be larger.

      With --out FILE.h5, finished work is kept in FILE.journal until all is done: an audit that was \
      interrupted or killed continues with the same command and --resume, and ends with the same \
      results. 'watch FILE.h5' shows how far it has come. Several shards are put together by 'report'.

      Exit code 0 when all certified images were attacked, no certificate is broken, and their kind is \
      proved; 1 when one is broken; 2 when their kind is no proof (0 with --allow-unproved), when no \
      image is certified or when the budget ran out before. With --replay: 1 when a stored \
      violation is one again, 0 when none is, 2 when none is stored.
      """)

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var certificates: CertificateOptions
  @OptionGroup var local: LocalOptions

  @Option(parsing: .unconditional, help: "The seed that the attacks' noise comes from.")
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Attack with this one too, at the radius; repeatable: "
        + CertificateAudit.extraAttacks.joined(separator: ", ") + ".", valueName: "name"))
  var attack: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Spend about this much time on attacks, first on the images with the smallest d/r.",
      valueName: "seconds"))
  var budget: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The same, counted in passes of images through the network: reproducible anywhere.",
      valueName: "count"))
  var budgetPasses: Int?

  @OptionGroup var division: ResumeOptions

  @Flag(help: "Keep figures of the way for TensorBoard, beside the results.")
  var tensorboard = false

  @Option(
    help: ArgumentHelp(
      "Show the broken certificates of stored results again, those of --indices or all.",
      valueName: "file"))
  var replay: String?

  @OptionGroup var verdict: VerdictOptions
  @OptionGroup var deviceOptions: DeviceOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    if division.resume, results.out == nil {
      throw ValidationError("--resume needs --out, beside which the journal lies")
    }
    if let budget, !(budget > 0) {
      throw ValidationError("--budget is a positive number of seconds, not \(budget)")
    }
    if let budgetPasses, budgetPasses < 1 {
      throw ValidationError("--budget-passes is at least 1, not \(budgetPasses)")
    }
    if certificates.certificate != .local, local.isGiven {
      throw ValidationError("--targets and --radius need --certificate local")
    }
    if tensorboard, results.out == nil {
      throw ValidationError("--tensorboard needs --out, beside which its files lie")
    }
    guard budget == nil || budgetPasses == nil else {
      throw ValidationError("give either --budget or --budget-passes")
    }
    for (position, name) in attack.enumerated() {
      guard CertificateAudit.extraAttacks.contains(name), !attack[..<position].contains(name)
      else {
        throw ValidationError(
          "--attack is one of \(CertificateAudit.extraAttacks.joined(separator: ", "))"
            + ", each at most once, not '\(name)'")
      }
    }
    if replay != nil,
      division.resume || division.shard != nil || budget != nil || budgetPasses != nil
    {
      throw ValidationError("--replay audits nothing: it takes no --resume, --shard or --budget")
    }
  }

  func run() throws {
    if let replay { return try replayViolations(of: replay) }
    let file = try division.file(results)
    let kind = certificates.kind(under: weights.judgingOptions.profile)
    var judgement = try Judgement(
      weights, dataOptions, division.place(results), options, seed: seed, certificate: kind,
      shard: division.shard, localPlan: local.plan(), device: try deviceOptions.chosen(options))
    let audit = try CertificateAudit(
      judgement.network, certificate: kind, also: attack, seed: seed, workers: options.workers)
    let identity = try judgement.identity(of: audit)
    judgement.report.provenance.auditDigest = try AuditJournal.digest(of: identity)
    if let finished = file?.finished(judgement.report.provenance) {
      judgement.workplace.observer.note("\(results.out ?? "") holds these results already")
      if options.json { try Output.line(try finished.json(.audit)) } else { try show(finished) }
      return try verdict.leave(finished)
    }
    try file?.checkReplacing(for: judgement.report.provenance)
    var done = AuditProgress()
    var journal = try file?.open(for: identity, on: judgement.images, into: &done)
    let events = try file.map { file in
      try EventLog(
        file.events, resumes: division.resume, tensorBoard: tensorboard,
        note: judgement.workplace.observer.note)
    }
    events?.begin(done, command: Program.command)
    do {
      try judgement.certify()
      let result = try division.run(judgement.workplace.observer, keeps: file != nil) {
        if kind == .local { try judgement.certifyLocally(from: done) { try journal?.append($0) } }
        var run = AuditRun(audit, budget: limit, judgement.workplace)
        run.events = events
        return try run.run(
          judgement.evaluated,
          radii: kind == .local ? judgement.report.certificates?.radii[kind] : nil,
          from: done
        ) { try journal?.append($0) }
      }
      judgement.report.audit = result
      try judgement.finish {
        if result.unfinished == 0 { journal.take()?.remove() }
      } show: { report in
        if options.json { try Output.line(try report.json(.audit)) } else { try show(report) }
      }
      if result.unfinished > 0, let file {
        judgement.workplace.observer.note(
          "the budget ran out; --resume continues from \(file.journal)")
      }
    } catch {
      events?.end(Interruption.isRequested ? .stopped : .failed)
      throw error
    }
    events?.end(.finished, verdict: judgement.report.verdict)
    try verdict.leave(judgement.report)
  }

  private var limit: AuditRun.Budget? {
    budget.map { .seconds($0) } ?? budgetPasses.map { .passes($0) }
  }
}
