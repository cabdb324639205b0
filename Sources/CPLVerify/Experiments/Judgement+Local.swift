// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference
import CPLReports
import Foundation

extension Judgement {
  /// Adds local radii to the standing ones, as far as the plan's time allows.
  ///
  /// - Parameters:
  ///   - done: the images that were searched before.
  ///   - keep: called with each batch when it is done.
  package mutating func certifyLocally(
    from done: AuditProgress, keep: (AuditedBatch) throws -> Void
  ) throws {
    guard let table = report.certificates, let sound = table.radii[.sound] else { return }
    let (observer, start) = (observer, workplace.now())
    defer { observer.finish() }
    let found = try LocalRadii(
      of: evaluated, above: sound,
      isCorrect: zip(table.predictions(of: .local), table.labels).map(==),
      known: done.images.mapValues(\.radius)
    ) { new, searched, total in
      if !new.isEmpty { try keep(table.batch(new)) }
      observer.update(
        WorkProgress("local radii", done: searched, total: total, unit: "images"))
      try observer.checkInterruption()
    }
    report.provenance.cost.localSeconds = workplace.now().timeIntervalSince(start)
    report.provenance.cost.localImages = found.searched
    let certificates = table.adding(found)
    report.certificates = certificates
    report.evaluation = EvaluationSummary(certificates)
  }

  /// The classes of every image, the standing radii, and local ones as far as the plan's time allows: these are kept
  /// in a journal until results hold them all.
  ///
  /// - Parameter file: where results are kept, if anywhere.
  package mutating func certifyLocally(in file: AuditFile?) throws -> AuditJournal? {
    let identity = try identityOfCertificates
    report.provenance.auditDigest = try AuditJournal.digest(of: identity)
    try file?.checkReplacing(for: report.provenance)
    var done = AuditProgress()
    if let table = file?.finished(report.provenance)?.certificates, let radii = table.radii[.local]
    {
      done.add(table.batch(radii.indices.map { (position: $0, radius: radii[$0]) }))
    }
    var journal = try file?.open(for: identity, on: images, into: &done)
    try certify()
    try certifyLocally(from: done) { try journal?.append($0) }
    return journal
  }
}

extension CertificateTable {
  /// Images with their local radii, as journals keep them.
  fileprivate func batch(_ radii: LocalRadii.Batch) -> AuditedBatch {
    AuditedBatch(
      certified: radii.map { row, radius in
        (
          row,
          AuditedImage(
            index: indices[row], label: labels[row], prediction: binary64Predictions[row],
            binary32Prediction: predictions[row], radius: radius)
        )
      })
  }
}
