// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference
import CPLReports
import Foundation

/// Where an audit, or a search for local radii, keeps its results, and until they are complete its journal.
package struct AuditFile {
  /// Beside the results, with another ending.
  package let journal: String
  /// What the audit tells while it goes on (`EventLog`), beside the results too.
  package let events: String
  private let out: String
  private let resumes: Bool
  private let force: Bool

  /// - Parameter force: whether results of anything else may be replaced.
  /// - Throws: `HintedError` of `.cannotCreate` when a journal is there and is not to be taken up.
  package init(out: String, resumes: Bool, force: Bool) throws {
    let name = out.hasSuffix(".h5") ? String(out.dropLast(3)) : out
    (journal, events) = ("\(name).journal", "\(name).\(EventLog.name)")
    self.out = out
    self.resumes = resumes
    self.force = force
    guard resumes || !FileManager.default.fileExists(atPath: journal) else {
      throw HintedError(
        error: .cannotCreate(path: journal, reason: "an interrupted run left it"),
        hint: "continue with --resume, or remove it")
    }
  }

  /// The results, where the work that is to be taken up had come to its end.
  package func finished(_ provenance: Provenance) -> VerificationReport? {
    guard resumes, !FileManager.default.fileExists(atPath: journal),
      let report = try? VerificationReport(path: out),
      report.provenance.auditDigest == provenance.auditDigest, report.isFinished
    else { return nil }
    return report
  }

  /// Checks that results which are there are those of the same work, as far as it had come.
  package func checkReplacing(for provenance: Provenance) throws {
    guard !force, FileManager.default.fileExists(atPath: out) else { return }
    let digest = (try? VerificationReport(path: out))?.provenance.auditDigest
    guard digest != nil, digest == provenance.auditDigest else {
      throw HintedError.refusal(toReplace: out)
    }
  }

  /// Begins the journal, or takes it up.
  package func open(
    for identity: AuditJournal.Identity, on images: ImageDataset,
    into progress: inout AuditProgress
  ) throws -> AuditJournal {
    guard resumes, FileManager.default.fileExists(atPath: journal) else {
      return try AuditJournal.create(journal, for: identity)
    }
    return try AuditJournal.resume(journal, for: identity, on: images, into: &progress)
  }
}

extension VerificationReport {
  /// Whether no budget ended what they are of.
  fileprivate var isFinished: Bool {
    audit.map { $0.unfinished == 0 } ?? (certificates?.unsearched == 0)
  }
}
