import CPLReference
import CPLVerify

/// What the commands that judge a network begin with: its weights, bounds and images, and a report
/// to fill.
struct Judgement {
  let verified: VerifiedNetwork
  /// The images, with what is known of them.
  private(set) var evaluated: EvaluatedImages
  let workers: Workers
  let progress: Progress
  var report: VerificationReport

  var images: ImageDataset { evaluated.dataset }
  var network: EvaluatedNetwork { evaluated.network }

  private let out: String?

  /// Reads weights and test images, bounds every layer and sets the steps. What can be refused is
  /// refused first, also the place for the results.
  ///
  /// - Parameters:
  ///   - shard: which part of the images it is about; all without it.
  ///   - needsClasses: whether the images' classes matter.
  init(
    _ weights: WeightsOptions, _ data: DataOptions, _ results: ResultOptions,
    _ options: RunOptions, seed: UInt64? = nil, certificate: CertificateKind? = nil,
    shard: Shard? = nil, needsClasses: Bool = true
  ) throws {
    try results.check(notReplacing: weights.weights)
    try self.init(
      try weights.read(), at: weights.weights, under: weights.judging, data, out: results.out,
      options, seed: seed, certificate: certificate, shard: shard, needsClasses: needsClasses)
    report.provenance.weightsFlags = Provenance.shellCommand(weights.flags)
  }

  /// The same for weights that are read already.
  ///
  /// - Parameters:
  ///   - path: where they were read from.
  ///   - judging: which network they are taken to be.
  ///   - out: the file for the results.
  init(
    _ checkpoint: Checkpoint, at path: String, under judging: Judging,
    _ data: DataOptions, out: String?, _ options: RunOptions, seed: UInt64? = nil,
    certificate: CertificateKind? = nil, shard: Shard? = nil, needsClasses: Bool = true
  ) throws {
    self.out = out
    workers = options.workers
    progress = options.progress
    if needsClasses { try data.check(suits: checkpoint, at: path) }
    let all = try data.read(.test, classes: checkpoint.network.classes)
    try checkpoint.network.check(takes: all, needsClasses: needsClasses)
    let images = try shard.map { try all.subset($0.positions(in: all.count)) } ?? all
    guard images.count > 0 || all.count == 0 else {
      throw ReferenceError.mismatch(
        expected: "no more shards than there are images, \(all.count)",
        found: "\(shard.map { "\($0.count)" } ?? "")")
    }
    if let out { try ResultOptions.check(out, notReplacing: path, force: true) }
    let progress = progress
    verified = try judging.verify(checkpoint, workers: workers) { done, total in
      progress.update("bounding", done: done, total: total, unit: "layers")
      Interruption.leaveIfRequested()
    }
    evaluated = EvaluatedImages(images, EvaluatedNetwork(verified), workers: workers)
    progress.finish()
    try Interruption.check()
    let deviation = checkpoint.published?.spectralNormDeviation(from: verified.bounds)
    if let deviation, judging.steps == .shipped || judging.steps == .published {
      progress.note("\(path): \(deviation)")
    }
    var provenance = Provenance()
    provenance.profile = judging.name
    provenance.certificate = certificate?.rawValue
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
    provenance.data.folder = data.data
    provenance.data.split = ImageDataset.Split.test.rawValue
    provenance.data.images = all.count
    provenance.data.available = all.available
    provenance.data.digest = all.digest
    provenance.data.shard = shard?.description
    report = VerificationReport(provenance: provenance)
    report.model = ModelSummary(checkpoint.network)
    report.training = checkpoint.training?.history ?? RunFolder.history(beside: path)
    report.bounds = verified.bounds
  }

  /// The classes of every image and the radii of each kind of certificate: one evaluation in binary32
  /// and one in binary64.
  mutating func certify() throws {
    let (progress, count) = (progress, images.count)
    let table = try CertificateTable(&evaluated) { done in
      progress.update("evaluating", done: done, total: count, unit: "images")
      try Interruption.check()
    }
    progress.finish()
    try ThreadArithmetic.check()
    report.certificates = table
    report.evaluation = EvaluationSummary(table)
  }

  /// Runs one attack on every image.
  func attack(_ name: String, epsilon: Epsilon, seed: UInt64) throws -> [AttackResult] {
    let results = try AttackSuite.run(
      name, on: try AttackTarget(verified.network), evaluated, epsilon: epsilon.value, seed: seed,
      workers: workers
    ) { done in
      progress.update("\(name) at \(epsilon)", done: done, total: images.count, unit: "images")
      try Interruption.check()
    }
    progress.finish()
    return results ?? []
  }

  /// Completes the provenance, keeps the results where the user wants them, and shows them, also
  /// where keeping them fails.
  /// - Parameter kept: What is done once the results are kept.
  mutating func finish(
    kept: () -> Void = {}, show: (VerificationReport) throws -> Void
  ) throws {
    report.provenance = report.provenance.completed(workers)
    let keeping = Result {
      try out.map(report.write(to:))
      kept()
    }
    try show(report)
    try keeping.get()
    if let out {
      progress.note("results: \(out); read them with: cpl-verify report \(out) --out FOLDER")
    }
  }
}
