// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Shards")
struct ShardTests {
  private typealias Named = (name: String, report: VerificationReport)

  private func report(of images: ImageDataset, shard: Shard? = nil) throws -> VerificationReport {
    var report = try AuditSample.report(try AuditSample.audit().run(images) { _ in })
    report.provenance.weightsDigest = "0123"
    report.provenance.data.digest = "4567"
    report.provenance.data.images = AuditSample.images.count
    report.provenance.data.shard = shard?.description
    report.provenance.notices =
      [Notice(.assumption, "of all")]
      + (shard.map { $0.number == 2 ? [Notice(.otherData, "of one")] : [] } ?? [])
    report.provenance.cost.wallSeconds = 2
    var evaluated = EvaluatedImages(
      images, EvaluatedNetwork(try AuditSample.network.get()), workers: .serial)
    report.certificates = try CertificateTable(&evaluated, kinds: [.published]) { _ in }
    report.evaluation = report.certificates.map { EvaluationSummary($0) }
    return report
  }

  private func shards(_ count: Int) throws -> [Named] {
    try (1...count).map { number in
      let shard = try #require(Shard("\(number)/\(count)"))
      let images = try AuditSample.images.subset(
        shard.positions(in: AuditSample.images.count))
      return ("\(number).h5", try report(of: images, shard: shard))
    }
  }

  @Test("shards put together are one audit, in whatever order they come", arguments: [1, 2, 4])
  func merging(_ count: Int) throws {
    let whole = try report(of: AuditSample.images)
    try #require(whole.audit?.violations.isEmpty == false)
    let merged = try VerificationReport.merging(try shards(count).reversed())
    #expect(try AuditSample.digest(merged) == AuditSample.digest(whole))
    #expect(merged.provenance.data.shard == nil)
    #expect(
      merged.provenance.notices
        == [Notice(.assumption, "of all")] + (count > 1 ? [Notice(.otherData, "of one")] : []))
    #expect(merged.provenance.cost.wallSeconds == 2 * Double(count))
  }

  @Test("what does not belong together is refused by name")
  func refusals() throws {
    let shards = try shards(3)
    func refusal(_ some: [Named]) throws -> String {
      let error = #expect(throws: ReferenceError.self) {
        try VerificationReport.merging(some)
      }
      return error.map { "\($0)" } ?? ""
    }
    #expect(try refusal([shards[0], shards[2]]).contains("none for 2/3"))
    #expect(
      try refusal([shards[0], shards[1], shards[2], ("copy.h5", shards[1].report)]).contains(
        "shard 2/3 in 2.h5 and in copy.h5"))
    #expect(
      try refusal([shards[0], ("all.h5", report(of: AuditSample.images))]).contains("all.h5"))
    var other = shards[1]
    other.report.provenance.data.shard = "3/3"
    #expect(try refusal([shards[0], other, shards[2]]).contains("shard 3/3"))
    other.report.provenance.data.shard = "2/4"
    #expect(try refusal([shards[0], other, shards[2]]).contains("which is 2/4"))
    for (path, name) in [
      (\Provenance.weightsDigest, "weights"), (\.data.digest, "data"), (\.profile, "profile"),
      (\.configuration, "configuration"), (\.gitCommit, "program"),
    ] {
      var other = shards[1]
      other.report.provenance[keyPath: path] = "another"
      let message = try refusal([shards[0], other, shards[2]])
      #expect(message.contains("\(name) ") && message.hasSuffix("in 2.h5"), "\(message)")
    }
    var changed = shards[1]
    changed.report.provenance.seed = 3
    #expect(try refusal([shards[0], changed, shards[2]]).contains("seed unknown as in 1.h5"))
    changed = shards[1]
    changed.report.bounds = NetworkBounds(
      layers: shards[1].report.bounds?.layers ?? [], lipschitzUpperBound: 1.0.nextUp.nextUp)
    #expect(try refusal([shards[0], changed, shards[2]]).contains("bounds "))
    // A shard that lacks images.
    changed = shards[1]
    changed.report.certificates = shards[0].report.certificates
    #expect(try refusal([shards[0], changed, shards[2]]).contains("of shard 2/3 in 2.h5"))
  }

  @Test(
    "a shard is written as part of a whole",
    arguments: ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/2/3", "a/3", "1/", "1.0/3", "+1/3"])
  func notation(text: String) { #expect(Shard(text) == nil) }
}
