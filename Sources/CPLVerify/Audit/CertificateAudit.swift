import CPLReference

/// Joins certificates with attacks: is any certified image broken inside its radius, and how tight
/// are the radii?
public struct CertificateAudit: Sendable {
  private let verified: VerifiedNetwork
  private let certificate: CertificateKind
  private let target: AttackTarget
  private let seed: UInt64
  private let workers: Workers

  /// How many images are attacked at once.
  public static let batch = 64

  /// An audit of one kind of certificate of a network.
  ///
  /// - Throws: `VerificationError` when the head has no bound.
  public init(
    _ verified: VerifiedNetwork, certificate: CertificateKind, seed: UInt64, workers: Workers
  ) throws {
    self.verified = verified
    self.certificate = certificate
    self.seed = seed
    self.workers = workers
    target = try AttackTarget(verified.network)
  }

  /// Audits every image of a data set. Memory grows by one row an image.
  ///
  /// - Parameter report: called after each batch with the number of images done and the violations
  ///   so far; may throw to stop.
  public func run(
    _ dataset: ImageDataset, report: (_ done: Int, _ violations: Int) throws -> Void
  ) throws -> AuditResult {
    var rows: [AuditedImage] = []
    var violations: [Violation] = []
    for start in stride(from: 0, to: dataset.count, by: Self.batch) {
      let positions = start..<min(dataset.count, start + Self.batch)
      let (newRows, newViolations) = try audit(dataset, positions)
      rows += newRows
      violations += newViolations
      try report(positions.upperBound, violations.count)
    }
    return AuditResult(
      certificate: certificate, images: rows, violations: violations,
      excessLayers: verified.excessLayers)
  }

  private func audit(
    _ dataset: ImageDataset, _ positions: Range<Int>
  ) throws -> ([AuditedImage], [Violation]) {
    let images = dataset.images(at: positions)
    let logits = verified.network.logits(images, workers: workers)
    let predictions = logits.rowMaxima
    let radii = try verified.radii(certificate, logits)
    var rows = positions.enumerated().map { row, position in
      AuditedImage(
        index: dataset.indices[position], label: dataset.labels[position],
        prediction: predictions[row], radius: radii[row])
    }
    let certified = rows.indices.filter { radii[$0] > 0 }
    let input = AttackInput(
      images: images.rows(certified), labels: certified.map { predictions[$0] },
      indices: certified.map { rows[$0].index })
    for (name, results) in attack(input, radii: certified.map { radii[$0] }) {
      for (row, result) in zip(certified, results) { rows[row].take(result, from: name) }
    }
    let violations = zip(certified, input.indices.indices).compactMap { row, position in
      violation(rows[row], original: Array(input.images.row(position)))
    }
    return (rows, violations)
  }

  /// Inside the radius, at it, and beyond it.
  private func attack(
    _ input: AttackInput, radii: [Double]
  ) -> [(name: String, results: [AttackResult])] {
    guard input.count > 0 else { return [] }
    let descent = ProjectedGradientDescent(.strong)
    let search = MinimumNormSearch()
    let shares = [0.99, 1.0].map { share in
      (
        "\(descent.name)@\(share)r",
        descent.run(
          input, budgets: radii.map { $0 * share }, on: target, seed: seed, workers: workers)
      )
    }
    return shares + [(search.name, search.run(input, on: target, seed: seed, workers: workers))]
  }

  /// Recomputes a broken certificate's distance and class, and says what broke it.
  private func violation(_ row: AuditedImage, original: [Float]) -> Violation? {
    guard let adversarial = row.adversarial, row.distance <= row.radius else { return nil }
    return Violation(
      index: row.index, label: row.label, prediction: row.prediction, radius: row.radius,
      distance: row.distance, attack: row.attack ?? "",
      cause: verified.cause(
        of: adversarial, original: original, prediction: row.prediction, radius: row.radius,
        assumedLipschitz: verified.assumedLipschitz(certificate), workers: workers),
      original: original, adversarial: adversarial)
  }
}
