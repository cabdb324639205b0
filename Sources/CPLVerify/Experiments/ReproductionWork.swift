// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference
import CPLReports
import CPLReproduction
import Foundation

/// Trains and judges the runs of a reproduction in folders of their own, and writes their pages.
package struct ReproductionWork: Reproduction.Executor {
  private let plan: ReproductionPlan
  private let workplace: Workplace
  private let trainingDigest: String
  private let testDigest: String
  private var request: ReproductionRequest { plan.request }
  private var observer: any WorkObserver { workplace.observer }
  /// The records of the runs that are complete.
  private var completed: [ReproductionRecord] = []

  package init(_ plan: ReproductionPlan, _ workplace: Workplace) throws {
    self.plan = plan
    self.workplace = workplace
    let request = plan.request
    trainingDigest = try request.images.read(.train, classes: plan.classes).digest
    testDigest = try request.images.read(.test, classes: plan.classes).digest
    if request.writesPages { try Folder.create(request.out) }
    try Folder.create(request.runs)
  }

  private func folder(_ name: String) -> RunFolder { RunFolder(path: "\(request.runs)/\(name)") }

  private func results(_ run: ReproductionRun) -> String { folder(run.name).path + "/results.h5" }

  private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  // MARK: How far runs have come

  package func progress(of run: ReproductionRun) throws -> Reproduction.Progress {
    let folder = folder(run.weights)
    guard isThere(folder.configurationFile) else { return Reproduction.Progress() }
    let configuration = try folder.readConfiguration()
    try check(configuration, is: run, in: folder)
    let state =
      folder.isAtItsBeginning
      ? nil : try folder.readState(of: configuration) { observer.note($0) }
    let epochs = configuration.experiment.training.epochs
    let isTrained = state.map { hasEnded($0, epochs: epochs, run) } ?? false
    var isJudged = false
    if let state, isTrained {
      isJudged = try finished(run, try digest(of: run, state.network.digest())) != nil
    }
    return Reproduction.Progress(
      epochs: epochs, epochsDone: state?.epoch ?? 0, isJudged: isJudged)
  }

  private func hasEnded(_ state: TrainingState, epochs: Int, _ run: ReproductionRun) -> Bool {
    state.epoch >= epochs && state.network.hasFinalSteps(under: run.experiment.training.profile)
  }

  /// Checks that a folder holds the run that is asked for, whatever its epochs.
  private func check(
    _ found: RunConfiguration, is run: ReproductionRun, in folder: RunFolder
  ) throws {
    let hint = "name another folder with --runs, or remove \(folder.path)"
    guard found.identity.isRun(of: run.experiment) else {
      throw HintedError(
        error: .invalid(
          path: folder.configurationFile, location: "",
          expected: "the configuration of \(run.name)",
          found: "another"), hint: hint)
    }
    if let epochs = request.epochs, epochs != found.experiment.training.epochs {
      throw HintedError(
        error: .invalid(
          path: folder.configurationFile, location: "", expected: "a run of \(epochs) epochs",
          found: "one of \(found.experiment.training.epochs)"), hint: hint)
    }
    guard found.images.digest == trainingDigest else {
      throw HintedError(
        error: .invalid(
          path: folder.configurationFile, location: "images",
          expected: "training images with digest \(trainingDigest)",
          found: found.images.digest ?? "none"), hint: hint)
    }
  }

  package func cost(of run: ReproductionRun) throws -> Reproduction.Cost {
    observer.note("\(run.name): measuring what an epoch takes")
    return try TrainingRun(folder(run.weights), workplace).cost(
      of: run.experiment, request.images, judged: plan.testImages,
      audited: run.isAudited ? min(request.audit, plan.testImages) : 0)
  }

  // MARK: Training and judging

  package mutating func complete(_ run: ReproductionRun, epochs: Int, reason: String?) throws {
    let start = (workplace.now(), workplace.provenance().cost.cpuSeconds)
    if run.trains { try train(run, epochs: epochs, reason: reason) }
    let report = try judge(run, since: start)
    let configuration = try folder(run.weights).readConfiguration()
    let record = try ReproductionRecord(
      run, report, epochs: configuration.experiment.training.epochs,
      epochsReason: configuration.epochsReason, trainingDigest: trainingDigest)
    completed.append(record)
    guard request.writesPages else { return }
    try Folder.create(pages(run))
    if let study = study(of: run) {
      let records = try records(in: pages(run)).filter { $0.name != run.name } + [record]
      try write(study, records, notRun: [])
    } else {
      try write(report, of: run, configuration.experiment)
      try write(try ReproductionRecord.json(of: [record]), "\(pages(run))/\(Self.recordFile)")
    }
    try writeReadme(notRun: [])
  }

  private func train(_ run: ReproductionRun, epochs: Int, reason: String?) throws {
    var training = TrainingRun(folder(run.name), workplace)
    training.again = nil
    training.epochsReason = reason
    guard isThere(training.folder.configurationFile) else {
      observer.note("\(run.name): training, \(epochs) epochs")
      var experiment = run.experiment
      experiment.training.epochs = epochs
      training.command =
        run.variant == nil
        ? Provenance.shellCommand(
          ["cpl-verify", "train", "\(pages(run))/\(Self.experimentFile)"] + dataFlags
            + ["--out", training.folder.path]) : commandLine(run, epochs: epochs)
      _ = try training.start(experiment, request.images)
      return
    }
    let state =
      try training.folder.isAtItsBeginning
      ? nil
      : training.folder.readState(of: training.folder.readConfiguration()) {
        observer.note($0)
      }
    if let state, hasEnded(state, epochs: epochs, run) { return }
    observer.note("\(run.name): training continues, \(state?.epoch ?? 0) of \(epochs) epochs")
    _ = try training.goOn(epochs: nil, request.images)
  }

  private func certificate(_ run: ReproductionRun) -> CertificateKind {
    run.judged == .published ? .published : .sound
  }

  private func audited(_ run: ReproductionRun) -> Int {
    run.isAudited ? min(request.audit, plan.testImages) : 0
  }

  /// SHA-256 of all that the results of a run depend on, the program apart, which they name.
  private func digest(of run: ReproductionRun, _ weights: String) throws -> String {
    try AuditJournal.digest(of: identity(run, weights))
  }

  private func identity(_ run: ReproductionRun, _ weights: String) -> AuditJournal.Identity {
    [
      "weights": weights, "data": testDigest, "audited": "\(audited(run))",
      "profile": run.judgedName,
      "certificate": certificate(run).rawValue, "seed": "0",
    ]
  }

  /// The results of a run, where they are those of these weights and complete.
  private func finished(_ run: ReproductionRun, _ digest: String) throws -> VerificationReport? {
    guard isThere(results(run)), let report = try? VerificationReport(path: results(run)),
      report.provenance.auditDigest == digest, report.audit?.unfinished ?? 0 == 0
    else { return nil }
    return report
  }

  private func judge(
    _ run: ReproductionRun, since start: (date: Date, cpuSeconds: Double?)
  ) throws -> VerificationReport {
    let weights = folder(run.weights).last
    let checkpoint = try Checkpoint(path: weights)
    let digest = try digest(of: run, checkpoint.digest)
    if let report = try finished(run, digest) {
      observer.note("\(run.name): done before, results \(report.contentDigest ?? "")")
      return report
    }
    observer.note("\(run.name): judging")
    try Folder.create(folder(run.name).path)
    var judgement = try Judgement(
      checkpoint, at: weights,
      under: Judging(name: run.judgedName, profile: run.judged, terms: run.judgedTerms),
      request.images,
      out: results(run), workplace, seed: 0, certificate: certificate(run))
    try judgement.certify()
    if audited(run) > 0 {
      judgement.report.audit = try audit(run, judgement, checkpoint.digest)
    }
    var provenance = judgement.report.provenance.completed(by: workplace.provenance())
    provenance.auditDigest = digest
    provenance.command = commandLine(
      run, epochs: try folder(run.weights).readConfiguration().experiment.training.epochs)
    if run.isTimed {
      observer.note("\(run.name): measuring what training takes")
      let first = try TrainingRun(folder(run.name), workplace).firstSteps(
        of: run.experiment, request.images)
      provenance.cost.trainingImagesPerSecond = first.imagesPerSecond
      provenance.cost.trainingMemoryBytes = first.memoryBytes
    }
    provenance.cost.start = start.date.formatted(.iso8601)
    provenance.cost.wallSeconds = workplace.now().timeIntervalSince(start.date)
    provenance.cost.cpuSeconds = start.cpuSeconds.flatMap { before in
      provenance.cost.cpuSeconds.map { $0 - before }
    }
    judgement.report.provenance = provenance
    try judgement.report.write(to: results(run))
    try? FileManager.default.removeItem(atPath: journal(run))
    return try VerificationReport(path: results(run))
  }

  private func journal(_ run: ReproductionRun) -> String {
    folder(run.name).path + "/audit.journal"
  }

  private func audit(
    _ run: ReproductionRun, _ judgement: Judgement, _ weights: String
  ) throws -> AuditResult {
    let images = judgement.evaluated.prefix(audited(run))
    let audit = try CertificateAudit(
      judgement.network, certificate: certificate(run), seed: 0, workers: workplace.workers)
    var identity = identity(run, weights)
    identity["attacks"] = audit.attacks.joined(separator: ", ")
    identity["program"] = try workplace.program.identity()
    let path = journal(run)
    var done = AuditProgress()
    var journal: AuditJournal?
    if isThere(path) {
      do {
        journal = try AuditJournal.resume(path, for: identity, on: images.dataset, into: &done)
      } catch let error as ReferenceError {
        // It saves time, and is no result: what another program or other weights left is not used.
        observer.note("\(error); the audit starts over")
        try FileManager.default.removeItem(atPath: path)
      }
    }
    if journal == nil { journal = try AuditJournal.create(path, for: identity) }
    return try AuditRun(audit, workplace).run(images, from: done) {
      try journal?.append($0)
    }
  }

  // MARK: Pages

  private static let recordFile = "reproduction.json"
  private static let experimentFile = "experiment.yml"

  private func study(of run: ReproductionRun) -> Study? {
    plan.studies.first { $0.group.runs.contains { $0.name == run.name } }
  }

  /// The folder for a run's pages, without weights.
  private func pages(_ run: ReproductionRun) -> String {
    "\(request.out)/\(study(of: run)?.group.name ?? run.name)"
  }

  private func write(_ text: String, _ path: String) throws {
    try AtomicFile.write(Data(text.utf8), to: path)
  }

  private func write(
    _ report: VerificationReport, of run: ReproductionRun, _ experiment: ExperimentConfiguration
  ) throws {
    let search = ExampleSearch(
      report, reading: RecordedReading(.named, request.images), workers: workplace.workers)
    try PageFolder.report(pages(run)).write(
      [
        (
          "report.html",
          try report.html(results: results(run), examples: (try? search.run()) ?? [])
        ),
        ("report.md", try report.markdown(results: results(run))),
        ("report.json", try report.json(includesImages: false)), ("junit.xml", try report.junit()),
        (Self.experimentFile, try experiment.yaml()),
      ].map { ($0, Data($1.utf8)) }, of: report.contentDigest ?? "", force: true)
  }

  private func write(
    _ study: Study, _ records: [ReproductionRecord], notRun: [(name: String, reason: String)]
  ) throws {
    let folder = "\(request.out)/\(study.group.name)"
    try Folder.create(folder)
    let order = study.group.runs.map(\.name)
    let sorted = order.compactMap { name in records.first { $0.name == name } }
    for (file, text) in try ReproductionText.pages(of: study, sorted, notRun: notRun)
      + [(Self.recordFile, try ReproductionRecord.json(of: sorted))]
    {
      try write(text, "\(folder)/\(file)")
    }
  }

  /// The records that a folder of pages holds; none where it has no such file.
  private func records(in folder: String) throws -> [ReproductionRecord] {
    let path = "\(folder)/\(Self.recordFile)"
    guard isThere(path) else { return [] }
    return try ReproductionRecord.records(json: try InputFile.text(path), path: path)
  }

  private func writeReadme(notRun: [(name: String, reason: String)]) throws {
    let path = "\(request.out)/README.md"
    var (records, studies): ([ReproductionRecord], [String]) = ([], [])
    let names = (try? FileManager.default.contentsOfDirectory(atPath: request.out)) ?? []
    for name in names.sorted() {
      let found = try self.records(in: "\(request.out)/\(name)")
      if found.contains(where: { $0.variant != nil }) { studies.append(name) }
      records += found
    }
    let text = try ReproductionText.readme(
      replacing: isThere(path) ? try InputFile.text(path) : nil, records: records,
      studies: studies, notRun: notRun,
      command: request.command)
    try write(text, path)
  }

  /// Says in all pages what was not run.
  ///
  /// - Returns: the records of the runs that were.
  package func finish(_ outcomes: [Reproduction.Outcome]) throws -> [ReproductionRecord] {
    guard request.writesPages else { return completed }
    let notRun = outcomes.compactMap { outcome in
      outcome.reason.map { (name: outcome.run.name, reason: $0) }
    }
    for study in plan.studies {
      let names = Set(study.group.runs.map(\.name))
      try write(
        study, try records(in: "\(request.out)/\(study.group.name)"),
        notRun: notRun.filter { names.contains($0.name) })
    }
    try writeReadme(notRun: notRun)
    return completed
  }

  // MARK: Commands that make it again

  private var dataFlags: [String] {
    let data = request.images
    return (data.data.map { ["--data", $0] } ?? [])
      + (data.dataset.map { ["--dataset", $0.rawValue] } ?? [])
      + (data.limit.map { ["--limit", "\($0)"] } ?? [])
  }

  /// The command that makes one run again, wherever it is run.
  private func commandLine(_ run: ReproductionRun, epochs: Int) -> String {
    Provenance.shellCommand(
      ["cpl-verify", "reproduce", plan.names[run.name] ?? run.experiment.name] + dataFlags
        + (run.variant == nil && request.profile != .corrected
          ? ["--profile", request.profile.name] : [])
        + ["--seeds", "\(run.experiment.training.seed)", "--epochs", "\(epochs)"]
        + (run.isAudited ? ["--audit", "\(request.audit)"] : []))
  }
}
