import CPLReference

/// Joins certificates with attacks: is any certified image broken inside its radius, and how tight
/// are the radii?
///
/// The certificate names the network whose class must not change. Attacks follow the gradients of the
/// binary32 network; what they find counts when the executed network confirms it.
public struct CertificateAudit: Sendable {
  private let certified: CertifiedNetwork
  private let certify: CertifiedNetwork.Certify
  private let target: AttackTarget
  private let seed: UInt64
  private let workers: Workers

  /// How many images are attacked at once.
  public static let batch = 64

  /// An audit of one kind of certificate of a network.
  ///
  /// - Parameter certify: where predictions and radii come from; the certificate itself unless given.
  /// - Throws: `VerificationError` when a layer or the head lacks the bounds that the kind needs.
  public init(
    _ verified: VerifiedNetwork, certificate: CertificateKind, seed: UInt64, workers: Workers,
    certify: @escaping CertifiedNetwork.Certify = { try $0.certify($1, workers: $2) }
  ) throws {
    certified = try CertifiedNetwork(verified, certificate)
    self.certify = certify
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
      certificate: certified.kind, images: rows, violations: violations,
      excessLayers: certified.verified.excessLayers)
  }

  private func audit(
    _ dataset: ImageDataset, _ positions: Range<Int>
  ) throws -> ([AuditedImage], [Violation]) {
    let images = dataset.images(at: positions)
    let (predictions, radii) = try certify(certified, images, workers)
    let binary32Predictions =
      certified.sound == nil
      ? predictions : target.network.logits(images, workers: workers).rowMaxima
    var rows = positions.enumerated().map { row, position in
      AuditedImage(
        index: dataset.indices[position], label: dataset.labels[position],
        prediction: predictions[row], binary32Prediction: binary32Predictions[row],
        radius: radii[row])
    }
    let attacked = rows.indices.filter { radii[$0] > 0 }
    let input = AttackInput(
      images: images.rows(attacked), labels: attacked.map { predictions[$0] },
      indices: attacked.map { rows[$0].index })
    for (name, results) in attack(input, radii: attacked.map { radii[$0] }) {
      let confirmed = confirm(results, labels: input.labels)
      for (row, (result, isConfirmed)) in zip(attacked, zip(results, confirmed)) {
        rows[row].take(result, from: name, isConfirmed: isConfirmed)
      }
    }
    let violations = zip(attacked, input.indices.indices).compactMap { row, position in
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
    var found = [0.99, 1.0].map { share in
      (
        "\(descent.name)@\(share)r",
        descent.run(
          input, budgets: radii.map { $0 * share }, on: target, seed: seed, workers: workers)
      )
    }
    let search = MinimumNormSearch()
    found.append((search.name, search.run(input, on: target, seed: seed, workers: workers)))
    let rounding = RoundingSearch()
    found.append(
      (
        rounding.name,
        rounding.run(input, budgets: radii, on: target, seed: seed, workers: workers)
      ))
    if let sound = certified.sound {
      let results = rounding.run(
        input, budgets: radii, on: sound.network, constants: target.constants, seed: seed,
        workers: workers)
      found.append(("\(rounding.name)-binary64", results))
    }
    return found
  }

  /// For each result whether the executed network gives the image that was found another class.
  private func confirm(_ results: [AttackResult], labels: [Int]) -> [Bool] {
    guard certified.sound != nil else { return results.map { $0.image != nil } }
    let found = results.indices.filter { results[$0].image != nil }
    guard !found.isEmpty else { return results.map { _ in false } }
    let images = Tensor(
      shape: [found.count] + target.network.inputShape,
      elements: found.flatMap { results[$0].image! })
    var confirmed = [Bool](repeating: false, count: results.count)
    for (position, prediction) in zip(found, certified.predictions(images, workers: workers)) {
      confirmed[position] = prediction != labels[position]
    }
    return confirmed
  }

  /// A broken certificate, and what broke it. Distances are rounded up, so that a violation is one.
  private func violation(_ row: AuditedImage, original: [Float]) -> Violation? {
    guard let adversarial = row.adversarial, row.distance <= row.radius else { return nil }
    return Violation(
      index: row.index, label: row.label, prediction: row.prediction, radius: row.radius,
      distance: row.distance, attack: row.attack ?? "",
      cause: certified.verified.cause(
        of: adversarial, original: original, radius: row.radius,
        assumedLipschitz: certified.assumedLipschitz, workers: workers),
      original: original, adversarial: adversarial)
  }
}
