// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLProofs
import CPLReference
import Foundation

/// What `prove` does: radii of the kind `real` for the images of a judgement, and the bundle that others can check.
///
/// Radii are kept in a journal beside the bundle until it is written; the bundle appears whole or not at all.
package struct ProofRun {
  /// What came of it.
  package struct Summary: Sendable {
    /// How many images were tried, and of how many something is claimed.
    package let tried: Int
    package let claims: [ImageClaim]
    /// L̄, as it is claimed.
    package let lipschitz: Double
    /// SHA-256 of statement.json; nil without a bundle, which needs a claim.
    package let statementDigest: String?
  }

  private let out: String
  private let journal: String
  private let resumes: Bool
  private let force: Bool

  /// Checks the place for the bundle before hours are spent on it.
  ///
  /// - Parameters:
  ///   - out: the folder.
  ///   - force: whether a bundle that is there may be replaced.
  package init(out: String, resumes: Bool, force: Bool) throws {
    var path = out
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.out = path
    journal = path + ".journal"
    self.resumes = resumes
    self.force = force
    let files = FileManager.default
    guard resumes || !files.fileExists(atPath: journal) else {
      throw HintedError(
        error: .cannotCreate(path: journal, reason: "an interrupted run left it"),
        hint: "continue with --resume, or remove it")
    }
    guard (try? files.attributesOfItem(atPath: path)) != nil else { return }
    guard let found = try? files.contentsOfDirectory(atPath: path) else {
      throw ReferenceError.cannotCreate(path: path, reason: "it is no folder")
    }
    if found.isEmpty { return }
    guard found.contains(ProofBundle.statementName) else {
      throw ReferenceError.cannotCreate(path: path, reason: "it holds other files")
    }
    guard force else { throw HintedError.refusal(toReplace: path) }
  }

  /// How many images are evaluated at once.
  private static let batch = 32

  /// Proves what the journal lacks and writes the bundle.
  ///
  /// - Parameter program: its name and version, and the SHA-256 of its file.
  package func run(
    _ judgement: Judgement, program: (name: String, digest: String)
  ) throws -> Summary {
    let (images, observer) = (judgement.images, judgement.observer)
    let certificate = try RealCertificate(judgement.network)
    let bundle = try ProofBundle(judgement.network)
    let (identity, start) = (try judgement.identityOfCertificates, out.lastIndex(of: "/"))
    if let start, start > out.startIndex { try Folder.create(String(out[..<start])) }
    var done = AuditProgress()
    var kept =
      resumes && FileManager.default.fileExists(atPath: journal)
      ? try AuditJournal.resume(journal, for: identity, on: images, into: &done)
      : try AuditJournal.create(journal, for: identity)
    let missing = (0..<images.count).filter { done.images[$0] == nil }
    defer { observer.finish() }
    for start in stride(from: 0, to: missing.count, by: Self.batch) {
      let positions = missing[start..<min(missing.count, start + Self.batch)]
      let found = certificate.certify(
        images.images(at: positions), sharpness: ProofBundle.sharpness,
        workers: judgement.workplace.workers)
      try ThreadArithmetic.check()
      let batch = AuditedBatch(
        certified: positions.enumerated().map { row, position in
          (
            position,
            AuditedImage(
              index: images.indices[position], label: images.labels[position],
              prediction: found.classes[row], radius: found.radii[row])
          )
        })
      try kept.append(batch)
      done.add(batch)
      observer.update(
        WorkProgress(
          "proving", done: done.images.count, from: images.count - missing.count,
          total: images.count, unit: "images"))
      try observer.checkInterruption()
    }
    let claims = (0..<images.count).compactMap { position -> ImageClaim? in
      guard let image = done.images[position] else { return nil }
      let radius = bundle.claimed(image.radius)
      return radius > 0
        ? ImageClaim(index: image.index, class: image.prediction, radius: radius) : nil
    }
    let digest = claims.isEmpty ? nil : try write(claims, bundle, judgement, program)
    kept.remove()
    return Summary(
      tried: images.count, claims: claims, lipschitz: bundle.lipschitz, statementDigest: digest)
  }

  private func write(
    _ claims: [ImageClaim], _ bundle: ProofBundle, _ judgement: Judgement,
    _ program: (name: String, digest: String)
  ) throws -> String {
    let (images, provenance) = (judgement.images, judgement.report.provenance)
    let positions = Dictionary(
      uniqueKeysWithValues: images.indices.enumerated().map { ($1, $0) })
    let origin = ProofOrigin(
      program: program, weightsDigest: provenance.weightsDigest,
      networkDigest: provenance.networkDigest, steps: provenance.steps,
      data: (
        images.name, ImageDataset.Split.test.rawValue, provenance.data.digest ?? "", images.count
      ))
    var digest = ""
    try Folder.write(out, replacing: force) { folder in
      digest = try bundle.write(
        claims, pixels: { images.images(at: [positions[claims[$0].index] ?? 0]).elements },
        from: origin, to: folder)
    }
    return digest
  }
}
