// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLAudit
import CPLBounds
import CPLCertificates
import CPLReference
import CPLReports

/// What the commands that judge a network begin with: its weights, bounds and images, and a report
/// to fill.
package struct Judgement {
  package let verified: VerifiedNetwork
  /// The images, with what is known of them.
  package private(set) var evaluated: EvaluatedImages
  package let workplace: Workplace
  /// What evaluates the network instead of the CPU.
  private let device: ChosenDevice?
  package var report: VerificationReport

  package var images: ImageDataset { evaluated.dataset }
  package var network: EvaluatedNetwork { evaluated.network }

  private let out: String?
  private var workers: Workers { workplace.workers }
  var observer: any WorkObserver { workplace.observer }

  /// Reads test images, bounds every layer and sets the steps. What can be refused is refused first,
  /// also the place for the results.
  ///
  /// - Parameters:
  ///   - path: where the weights were read from.
  ///   - judging: which network they are taken to be.
  ///   - choice: the images.
  ///   - out: the file for the results.
  ///   - shard: which part of the images it is about; all without it.
  ///   - device: what evaluates the network; the CPU without it.
  ///   - needsClasses: whether the images' classes matter.
  package init(
    _ checkpoint: Checkpoint, at path: String, under judging: Judging,
    _ choice: ImageChoice, out: String?, _ workplace: Workplace, seed: UInt64? = nil,
    certificate: CertificateKind? = nil, shard: Shard? = nil,
    localPlan: LocalPlan = LocalPlan(), device: ChosenDevice? = nil, needsClasses: Bool = true
  ) throws {
    self.out = out
    let (workers, observer) = (workplace.workers, workplace.observer)
    observer.begin()
    if needsClasses { try choice.check(suits: checkpoint, at: path) }
    let all = try choice.read(.test, classes: checkpoint.network.classes)
    try checkpoint.network.check(takes: all, needsClasses: needsClasses)
    let images = try shard.map { try all.subset($0.positions(in: all.count)) } ?? all
    guard images.count > 0 || all.count == 0 else {
      throw ReferenceError.mismatch(
        expected: "no more shards than there are images, \(all.count)",
        found: "\(shard.map { "\($0.count)" } ?? "")")
    }
    if let out { try ResultFile.check(out, notReplacing: path, force: true) }
    self.device = try device?.suiting(checkpoint.network, observer)
    self.workplace = self.device.map(workplace.watching) ?? workplace
    verified = try judging.verify(checkpoint, workers: workers) { done, total in
      observer.update(WorkProgress("bounding", done: done, total: total, unit: "layers"))
      observer.leaveIfInterrupted()
    }
    evaluated = EvaluatedImages(
      images,
      EvaluatedNetwork(
        verified, localPlan: localPlan, at: self.device.map { $0.place(observer) }),
      workers: workers)
    observer.finish()
    try observer.checkInterruption()
    let deviation = checkpoint.published?.spectralNormDeviation(from: verified.bounds)
    if let deviation, judging.steps == .shipped || judging.steps == .published {
      observer.note("\(path): \(deviation)")
    }
    var provenance = Provenance()
    provenance.profile = judging.name
    provenance.certificate = certificate?.rawValue
    provenance.localPlan = certificate == .local ? localPlan.description : nil
    provenance.seed = seed
    provenance.weights = path
    provenance.weightsDigest = checkpoint.digest
    provenance.networkDigest = try verified.network.digest()
    provenance.steps = judging.steps.rawValue
    let notices = Notice.all(of: verified, from: checkpoint, on: images, workers: workers)
    provenance.notices = notices.isEmpty ? nil : notices
    if checkpoint.format == Checkpoint.ownFormat {
      try RunFolder.configuration(of: checkpoint, at: path)?.describe(in: &provenance)
    } else {
      provenance.configuration =
        ([checkpoint.format, checkpoint.architecture] + checkpoint.notes
        + [deviation].compactMap(\.self))
        .map { "# \($0)\n" }.joined()
    }
    provenance.data.name = images.name
    provenance.data.folder = choice.data
    provenance.data.split = ImageDataset.Split.test.rawValue
    provenance.data.images = all.count
    provenance.data.available = all.available
    provenance.data.digest = all.digest
    provenance.data.shard = shard?.description
    report = VerificationReport(provenance: provenance)
    report.model = ModelSummary(verified.network)
    report.training = checkpoint.training?.history ?? RunFolder.history(beside: path)
    report.bounds = verified.bounds
  }

  /// The classes of every image and the radii of each standing kind of certificate: one evaluation in
  /// binary32 and one in binary64.
  ///
  /// - Parameter kinds: the kinds, where they are others than the standing ones.
  package mutating func certify(_ kinds: [CertificateKind] = CertificateKind.standing) throws {
    let (observer, count) = (observer, images.count)
    let table = try CertificateTable(&evaluated, kinds: kinds) { done in
      observer.update(WorkProgress("evaluating", done: done, total: count, unit: "images"))
      try observer.checkInterruption()
    }
    observer.finish()
    try ThreadArithmetic.check()
    report.certificates = table
    report.evaluation = EvaluationSummary(table)
  }

  /// Runs one attack on every image, whose classes are known by then.
  package func attack(
    _ name: String, epsilon: Epsilon, seed: UInt64
  ) throws -> AttackRecord {
    let results = try AttackSuite.run(
      name, on: try AttackTarget(network.binary32), evaluated, epsilon: epsilon.value, seed: seed,
      workers: workers
    ) { done in
      observer.update(
        WorkProgress(
          "\(name) at \(epsilon)", done: done, total: images.count, unit: "images"))
      try observer.checkInterruption()
    }
    observer.finish()
    return AttackRecord(
      epsilon: epsilon, indices: images.indices, labels: images.labels,
      predictions: report.certificates?.predictions ?? [], results: results ?? [],
      imageShape: images.imageShape)
  }

  /// Completes the provenance, keeps the results where the user wants them, and shows them, also
  /// where keeping them fails.
  ///
  /// - Parameter kept: what is done once the results are kept.
  package mutating func finish(
    kept: () -> Void = {}, show: (VerificationReport) throws -> Void
  ) throws {
    try device?.check(observer)
    report.provenance = report.provenance.completed(by: workplace.provenance())
    report.provenance.machine.device = device?.description?.name
    report.provenance.machine.deviceDriver = device?.description?.driver
    report.provenance.machine.devicePlatform = device?.description?.platform
    let keeping = Result {
      try out.map(report.write(to:))
      kept()
    }
    try show(report)
    try keeping.get()
    if let out {
      observer.note("results: \(out); read them with: cpl-verify report \(out) --out FOLDER")
    }
  }
}
