import ArgumentParser
import CPLReference
import CPLVerify

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures accuracy, certified accuracy and accuracy under attack on test images.")

  @OptionGroup var weights: WeightsOptions

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Also attack every image by the paper's PGD at this radius, such as 36/255; repeatable.",
      valueName: "epsilon"))
  var pgd: [Epsilon] = []

  @Option(parsing: .unconditional, help: "The seed that the attack's noise comes from.")
  var seed: UInt64 = 0

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    let images = try dataOptions.read(.test)
    let verified = try weights.verified(options, for: images).network
    let workers = options.workers
    let progress = options.progress
    let logits = try verified.network.logits(of: images, workers: workers) { done in
      progress.update("evaluating", done: done, total: images.count, unit: "images")
      try Interruption.check()
    }
    let predictions = logits.rowMaxima
    var certified: [String: [String: Double]] = [:]
    for kind in [CertificateKind.published, .lipschitz] {
      let accuracy = CertifiedAccuracy(
        radii: try verified.radii(kind, logits), predictions: predictions, labels: images.labels)
      certified[kind.rawValue] = Dictionary(
        uniqueKeysWithValues: Epsilon.published.map { ($0.description, accuracy[$0]) })
    }
    let result = Result(
      images: images.count,
      accuracy: share(zip(predictions, images.labels).count { $0 == $1 }, of: images),
      certifiedAccuracy: certified,
      pgdAccuracy: pgd.isEmpty ? nil : try attacked(images, verified, progress),
      lipschitzUpperBound: verified.bounds.lipschitzUpperBound,
      profile: weights.profile.rawValue)
    progress.finish()
    if options.json { try Output.json(result) } else { try show(result) }
  }

  /// The accuracy that is left under the paper's PGD, at each radius.
  private func attacked(
    _ images: ImageDataset, _ verified: VerifiedNetwork, _ progress: Progress
  ) throws -> [String: Double] {
    let target = try AttackTarget(verified.network)
    let attack = ProjectedGradientDescent(.published)
    var accuracy: [String: Double] = [:]
    for epsilon in pgd {
      let results = try AttackSuite.run(
        attack.name, on: target, images, epsilon: epsilon.value, seed: seed,
        workers: options.workers
      ) { done in
        progress.update("PGD at \(epsilon)", done: done, total: images.count, unit: "images")
        try Interruption.check()
      }
      accuracy[epsilon.description] = share(
        results?.count { $0.image == nil } ?? 0, of: images)
    }
    return accuracy
  }

  private func share(_ count: Int, of images: ImageDataset) -> Double {
    Double(count) / Double(images.count)
  }

  private func show(_ result: Result) throws {
    try Output.line("images                     \(result.images)")
    try Output.line("Lipschitz constant at most \(result.lipschitzUpperBound)")
    try Output.line("accuracy                   \(Output.percent(result.accuracy))")
    for epsilon in Epsilon.published {
      let kinds = result.certifiedAccuracy.sorted { $0.key < $1.key }.map {
        "\($0.key) \(Output.percent($0.value[epsilon.description] ?? .nan))"
      }
      try Output.line(
        "certified at \(epsilon.description.padding(14))" + kinds.joined(separator: ", "))
    }
    for epsilon in pgd {
      try Output.line(
        "under PGD at \(epsilon.description.padding(14))"
          + Output.percent(result.pgdAccuracy?[epsilon.description] ?? .nan))
    }
  }

  private struct Result: Encodable {
    let images: Int
    let accuracy: Double
    let certifiedAccuracy: [String: [String: Double]]
    let pgdAccuracy: [String: Double]?
    let lipschitzUpperBound: Double
    let profile: String
  }
}
