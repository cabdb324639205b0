// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLBounds
import CPLCertificates
import CPLNetworks

/// Joins certificates with attacks: is any certified image broken inside its radius, and how tight
/// are the radii?
///
/// The certificate names the network whose class must not change. Attacks follow the gradients of the
/// binary32 network; what they find counts when the network that the certificate speaks of confirms it,
/// there or a little farther out. An image whose margins binary32 does not resolve, another class and
/// logits that are not finite among these, is attacked on the binary64 network instead. What an image is
/// put through, and with which result, depends on the image alone, not on the others or the order.
public struct CertificateAudit: Sendable {
  private let certified: CertifiedNetwork
  private let certify: CertifiedNetwork.Certify
  private let target: AttackTarget
  /// The binary64 network as a target, where the certificates speak of that.
  private let binary64Target: AttackTarget?
  private let plan: AuditPlan
  private let seed: UInt64
  private let workers: Workers

  /// How many images are attacked at once: what is lost when the program is killed.
  package static let batch = EvaluatedImages.batch

  /// The names of the attacks that can be added to the standing ones.
  public static var extraAttacks: [String] { AuditPlan.extraNames }

  /// The names of the attacks that every certified image is put through, in order.
  public var attacks: [String] { plan.names }

  /// An audit of one kind of certificate of a network.
  ///
  /// - Parameters:
  ///   - extras: what is added to the standing attacks, among `extraAttacks`.
  /// - Throws: `VerificationError` when a layer or the head lacks the bounds that the kind needs.
  public init(
    _ network: EvaluatedNetwork, certificate: CertificateKind, also extras: [String] = [],
    seed: UInt64, workers: Workers
  ) throws {
    try self.init(
      network, certificate: certificate, also: extras, seed: seed, workers: workers
    ) { try $0.certify($1) }
  }

  /// The same with predictions and radii from `certify`.
  package init(
    _ network: EvaluatedNetwork, certificate: CertificateKind, also extras: [String] = [],
    seed: UInt64, workers: Workers, certify: @escaping CertifiedNetwork.Certify
  ) throws {
    certified = try CertifiedNetwork(network, certificate)
    self.certify = certify
    plan = try AuditPlan(for: certificate, also: extras)
    self.seed = seed
    self.workers = workers
    target = try AttackTarget(network.binary32)
    binary64Target =
      certificate.isOfBinary64
      ? try AttackTarget(network.binary32, binary64: network.binary64) : nil
  }

  /// Audits every image of a data set. Memory grows by one row an image, and by two images a
  /// violation.
  ///
  /// Without a budget the images are put through the plan in their order. With one, all are searched
  /// first; the rest of the plan then goes to the image with the least d/r found so far, the next
  /// one, and so on: to where doubt is greatest.
  ///
  /// - Parameters:
  ///   - radii: of each image, where they are known; `certify` is not asked then.
  ///   - progress: what is done already of this audit.
  ///   - budget: asked before each batch whether to go on, given the passes through the network so
  ///     far, those of `progress` included. An answer that depends on nothing else makes the same
  ///     results again.
  ///   - report: called on the way; may throw to stop.
  /// - Throws: `VerificationError.invalid` when the radius of an image in `progress` is another now.
  public func run(
    _ images: EvaluatedImages, radii: [Double]? = nil,
    resuming progress: AuditProgress = AuditProgress(),
    budget: ((_ passes: Int) -> Bool)? = nil, report: (AuditEvent) throws -> Void
  ) throws -> AuditResult {
    var images = images
    var rows = try certify(&images, radii, report)
    var violations = progress.violations
    for (position, image) in progress.images {
      guard rows.indices.contains(position), rows[position].isSameCertificate(image) else {
        throw VerificationError.invalid(
          what: "image \(image.index) of the audit so far",
          expected: "the class and the radius that it has now", found: "different ones")
      }
      rows[position] = image
    }
    try report(.planned(rows.count { $0.radius > 0 }))
    var passes = rows.reduce(0) { $0 + $1.passes }
    let phases: [AuditedImage.Extent] = budget == nil ? [.plan] : [.search, .plan]
    work: for phase in phases {
      var waiting = rows.indices.filter { rows[$0].radius > 0 && rows[$0].extent != phase }
      if phase == .search {
        waiting.removeAll { rows[$0].extent == .plan }
      } else if budget != nil {
        let doubt = rows.map { $0.tightness ?? .infinity }
        waiting.sort { (doubt[$0], $0) < (doubt[$1], $1) }
      }
      for start in stride(from: 0, to: waiting.count, by: Self.batch) {
        if let budget, !budget(passes) { break work }
        let positions = Array(waiting[start..<min(waiting.count, start + Self.batch)])
        let before = positions.map { rows[$0] }
        let batch = try attack(
          images, positions, before, known: violations, to: phase, report)
        passes += zip(batch.images, before).reduce(0) { $0 + $1.0.passes - $1.1.passes }
        for (position, image) in zip(positions, batch.images) { rows[position] = image }
        for (position, violation) in batch.violations { violations[position] = violation }
        try report(.attacked(batch))
      }
    }
    try ThreadArithmetic.check()
    return AuditResult(
      certificate: certified.kind, plan: plan.names, images: rows,
      violations: violations.sorted { $0.key < $1.key }.map(\.value),
      excessLayers: certified.network.verified.excessLayers)
  }

  /// The same for images of which nothing is known yet.
  public func run(
    _ dataset: ImageDataset, resuming progress: AuditProgress = AuditProgress(),
    budget: ((_ passes: Int) -> Bool)? = nil, report: (AuditEvent) throws -> Void
  ) throws -> AuditResult {
    try run(
      EvaluatedImages(dataset, certified.network, workers: workers), resuming: progress,
      budget: budget, report: report)
  }

  /// Every image with its radius, and not attacked yet.
  private func certify(
    _ images: inout EvaluatedImages, _ known: [Double]?,
    _ report: (AuditEvent) throws -> Void
  ) throws -> [AuditedImage] {
    var rows: [AuditedImage] = []
    let dataset = images.dataset
    rows.reserveCapacity(dataset.count)
    try images.forEachBatch { positions, batch in
      let (predictions, radii) =
        try known.map {
          (batch.predictions(in: certified.kind.certificate.arithmetic), Array($0[positions]))
        } ?? certify(certified, batch)
      let binary32 = batch.predictions(in: .binary32)
      for (row, position) in positions.enumerated() {
        rows.append(
          AuditedImage(
            index: dataset.indices[position], label: dataset.labels[position],
            prediction: predictions[row], binary32Prediction: binary32[row], radius: radii[row]))
      }
      try report(.certified(rows.count))
    }
    return rows
  }

  /// Puts images through what they lack of the plan, up to the extent of a phase.
  private func attack(
    _ evaluated: EvaluatedImages, _ positions: [Int], _ before: [AuditedImage],
    known: [Int: Violation], to phase: AuditedImage.Extent,
    _ report: (AuditEvent) throws -> Void
  ) throws -> AuditedBatch {
    var images = before
    let all = AttackInput(
      evaluated.batch(at: positions), labels: before.map(\.prediction),
      indices: before.map(\.index))
    var adversarial: [Int: [Float]] = [:]
    let unsearched = images.indices.filter { images[$0].extent == .none }
    let isResolved = isResolved(all)
    let steps =
      (unsearched.isEmpty ? [] : plan.search) + (phase == .plan ? plan.thorough : [])
    let total =
      (isResolved.contains(true) ? steps.count : 0)
      + (isResolved.contains(false) && binary64Target != nil
        ? AuditPlan.onBinary64(steps).count : 0)
    var done = 0
    func put(_ rows: [Int], through steps: [AuditPlan.Step], on target: AttackTarget) throws {
      guard !rows.isEmpty else { return }
      let input = all.selecting(rows)
      for step in steps {
        let name = target.binary64 == nil ? step.name : step.binary64Name
        try report(
          .attacking(
            AuditedStep(
              name: name, images: positions.count, total: total, done: min(done, total))))
        done += 1
        let results = attack(
          input, radii: rows.map { before[$0].radius }, by: step, on: target)
        let confirmed = try confirm(results, of: input)
        for (row, (result, confirmed)) in zip(rows, zip(results, confirmed)) {
          if let image = images[row].take(result, confirmed: confirmed, from: name) {
            adversarial[row] = image
          }
        }
      }
    }
    func put(_ rows: [Int], through steps: [AuditPlan.Step]) throws {
      try put(rows.filter { isResolved[$0] }, through: steps, on: target)
      guard let binary64Target else { return }
      try put(
        rows.filter { !isResolved[$0] }, through: AuditPlan.onBinary64(steps),
        on: binary64Target)
    }
    try put(unsearched, through: plan.search)
    if phase == .plan { try put(Array(images.indices), through: plan.thorough) }
    for row in images.indices { images[row].extent = phase }
    let violations: [(Int, Violation)] = try images.indices.compactMap { row in
      guard images[row].distance <= images[row].radius else { return nil }
      guard let image = adversarial[row] else {
        return known[positions[row]].map { (positions[row], $0) }
      }
      let original = Array(all.images.row(row))
      return (
        positions[row], try violation(images[row], original: original, adversarial: image)
      )
    }
    return AuditedBatch(positions: positions, images: images, violations: violations)
  }

  /// For each image whether the binary32 network computes every margin of its class to within 2⁻⁷ of what
  /// the binary64 network computes. Where it does not, its boundary tells nothing of the other one's.
  private func isResolved(_ input: AttackInput) -> [Bool] {
    guard let binary64Target else { return input.labels.map { _ in true } }
    let (binary32, binary64) = (
      target.logits(of: input, workers: workers),
      binary64Target.logits(of: input, workers: workers)
    )
    return input.labels.enumerated().map { row, label in
      let (narrow, wide) = (Array(binary32.row(row)), Array(binary64.row(row)))
      return narrow.indices.allSatisfy { other in
        let margin = wide[label] - wide[other]
        // A logit that is not finite compares false.
        return other == label
          || ((narrow[label] - narrow[other]) - margin).magnitude <= 0x1p-7 * margin
      }
    }
  }

  private func attack(
    _ input: AttackInput, radii: [Double], by step: AuditPlan.Step, on target: AttackTarget
  ) -> [AttackResult] {
    switch step {
    case .inside(let attack, let share):
      attack.run(
        input, budgets: radii.map { $0 * share }, on: target, seed: seed, workers: workers)
    case .nearest(let attack):
      attack.run(input, on: target, seed: seed, workers: workers)
    case .binary64Rounding(let attack):
      attack.run(
        input, budgets: radii, on: binary64Target ?? target, seed: seed, workers: workers)
    }
  }

  /// How much farther out a result is tried.
  private static let fartherOut = [0x1p-20, 0x1p-16, 0x1p-12, 0x1p-8, 0x1p-6]

  /// The results as the network that the certificate speaks of confirms them; nil where it does not.
  ///
  /// A search ends beside the boundary of the network that it attacks, and so on either side of the
  /// other's. Where the latter gives the image that was found its old class, images of the box farther
  /// out on the same line are tried.
  private func confirm(
    _ results: [AttackResult], of input: AttackInput
  ) throws -> [AttackResult?] {
    var confirmed: [AttackResult?] = results.map { $0.image == nil ? nil : $0 }
    guard certified.kind.isOfBinary64 else { return confirmed }
    var open = confirmed.indices.filter { confirmed[$0] != nil }
    for share in [0] + Self.fartherOut where !open.isEmpty {
      let tried = open.map { position -> AttackResult in
        guard let image = results[position].image, share > 0 else { return results[position] }
        var result = AttackResult()
        let original = input.images.row(position)
        var moved = zip(image, original).map { $0 + Float(share) * ($0 - $1) }
        Ball.projectToBox(&moved)
        result.keep(moved, distance: Ball.distance(moved, original))
        return result
      }
      let isChanged = try certified.isChanged(
        Tensor(
          shape: [open.count] + target.network.inputShape, elements: tried.flatMap { $0.image! }),
        from: open.map { input.labels[$0] }, workers: workers)
      for (position, (result, isChanged)) in zip(open, zip(tried, isChanged)) {
        confirmed[position] = isChanged ? result : nil
      }
      open.removeAll { confirmed[$0] != nil }
    }
    return confirmed
  }

  /// A broken certificate, and what broke it. Distances are rounded up, so that a violation is one.
  private func violation(
    _ row: AuditedImage, original: [Float], adversarial: [Float]
  ) throws -> Violation {
    let found = EvaluatedBatch(
      Tensor(shape: [1] + target.network.inputShape, elements: adversarial), certified.network,
      workers: workers
    ).predictions(in: certified.kind.certificate.arithmetic)[0]
    return Violation(
      index: row.index, label: row.label, prediction: row.prediction,
      adversarialPrediction: found < 0 ? nil : found, radius: row.radius, distance: row.distance,
      attack: row.attack ?? "",
      cause: try certified.cause(
        of: adversarial, original: original, radius: row.radius, workers: workers),
      original: original, adversarial: adversarial)
  }
}

extension AuditedImage {
  /// Whether another row speaks of the same image and the same certificate.
  fileprivate func isSameCertificate(_ other: AuditedImage) -> Bool {
    index == other.index && label == other.label && prediction == other.prediction
      && binary32Prediction == other.binary32Prediction && radius == other.radius
  }
}
