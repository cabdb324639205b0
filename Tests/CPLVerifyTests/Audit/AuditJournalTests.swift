// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Journals of audits")
struct AuditJournalTests {
  private struct Stop: Error {}

  /// Runs an audit with a journal at `path`, taken up where there is one, and stops after so many
  /// batches.
  private func run(
    _ audit: CertificateAudit, _ path: String, batches: Int = .max,
    budget: ((Int) -> Bool)? = nil
  ) throws -> AuditResult? {
    var done = AuditProgress()
    var journal =
      FileManager.default.fileExists(atPath: path)
      ? try AuditJournal.resume(
        path, for: AuditSample.identity, on: AuditSample.images, into: &done)
      : try AuditJournal.create(path, for: AuditSample.identity)
    var count = 0
    do {
      return try audit.run(AuditSample.images, resuming: done, budget: budget) { event in
        guard case .attacked(let batch) = event else { return }
        try journal.append(batch)
        count += 1
        if count == batches { throw Stop() }
      }
    } catch is Stop {
      return nil
    }
  }

  @Test(
    "an audit that stops again and again ends with the results of one that does not",
    arguments: [CertificateKind.published, .sound], [false, true])
  func resumption(_ certificate: CertificateKind, hasBudget: Bool) throws {
    let audit = try AuditSample.audit(certificate)
    let whole = try audit.run(AuditSample.images) { _ in }
    #expect((whole.violations.isEmpty) == (certificate == .sound))
    try withReportFolder { folder in
      var result: AuditResult?
      for _ in 0..<20 where result == nil {
        result = try run(
          audit, folder + "/journal", batches: 1, budget: hasBudget ? { _ in true } : nil)
      }
      #expect(try AuditSample.digest(#require(result)) == AuditSample.digest(whole))
      let again = try #require(try run(audit, folder + "/journal"))
      #expect(try AuditSample.digest(again) == AuditSample.digest(whole), "nothing is left to do")
    }
  }

  @Test("a batch whose record was torn is attacked again")
  func tornRecord() throws {
    let audit = try AuditSample.audit()
    let whole = try audit.run(AuditSample.images) { _ in }
    try withReportFolder { folder in
      let path = folder + "/journal"
      _ = try run(audit, path, batches: 3)
      let contents = try bytes(of: path)
      for length in [contents.count - 1, contents.count - 500, 700, 100, 0] {
        try Data(contents[..<length]).write(to: URL(filePath: path))
        let result = try #require(try run(audit, path))
        #expect(try AuditSample.digest(result) == AuditSample.digest(whole))
      }
    }
  }

  @Test("a journal is of one audit, and the message says what differs")
  func identity() throws {
    try withReportFolder { folder in
      let path = folder + "/journal"
      _ = try run(try AuditSample.audit(), path, batches: 1)
      for name in AuditSample.identity.keys {
        var other = AuditSample.identity
        other[name] = "another"
        var done = AuditProgress()
        let error = #expect(throws: ReferenceError.self) {
          _ = try AuditJournal.resume(path, for: other, on: AuditSample.images, into: &done)
        }
        let text = try #require(error.map { "\($0)" })
        #expect(text.contains("\(name) \(AuditSample.identity[name] ?? "")"), "\(text)")
        #expect(text.hasSuffix("found another"), "\(text)")
        #expect(done.images.isEmpty)
      }
    }
  }

  @Test("radii that are others now are refused")
  func otherRadii() throws {
    try withReportFolder { folder in
      _ = try run(try AuditSample.audit(.published), folder + "/journal", batches: 1)
      #expect(throws: VerificationError.self) {
        try run(try AuditSample.audit(.sound), folder + "/journal")
      }
    }
  }

  @Test("records with checksums that make no sense are refused")
  func nonsense() throws {
    try withReportFolder { folder in
      let path = folder + "/journal"
      for records in [["{}"], ["[]"], ["x"]] {
        try? FileManager.default.removeItem(atPath: path)
        var file = try JournalFile.create(path)
        for record in records { try file.append(record) }
        _ = consume file
        #expect(throws: ReferenceError.self) { try run(try AuditSample.audit(), path) }
      }
      try FileManager.default.removeItem(atPath: path)
      _ = try run(try AuditSample.audit(), path, batches: 1)
      let good = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      let record = String(try #require(good.last).dropFirst(65))
      for (old, new) in [
        (#""position":0,"#, #""position":150,"#), (#""index":0,"#, #""index":1,"#),
        (#""radius":"#, #""radius":-"#), (#""extent":"plan""#, #""extent":"most""#),
        (#""forwardPasses":"#, #""forwardPasses":-"#), (#""cause":"rounding","#, ""),
      ] {
        try #require(record.contains(old), "\(old)")
        try Data((good[0] + "\n").utf8).write(to: URL(filePath: path))
        var file = try JournalFile.resume(path) { _, _ in }
        try file.append(record.replacing(old, with: new))
        _ = consume file
        #expect(throws: ReferenceError.self, "\(new)") {
          try run(try AuditSample.audit(), path)
        }
      }
    }
  }
}
