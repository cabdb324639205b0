// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Requirements")
struct RequirementTests {
  private static let report: VerificationReport = {
    var report = VerificationReport(provenance: Provenance())
    report.evaluation = EvaluationSummary(images: 10, accuracy: 0.7)
    return report
  }()

  @Test(
    "a requirement is met by what the results hold, and by nothing where they hold nothing",
    arguments: [
      ("accuracy>=0.7", true), ("accuracy>0.7", false), ("images<=10", true), ("images<10", false),
      ("non_finite<=1", false), ("pgd_accuracy[36/255]>=0", false),
      ("certified_accuracy.sound[36/255]>=0", false),
    ])
  func meeting(text: String, met: Bool) throws {
    #expect(try Requirement(text).check(Self.report).met == met)
  }

  @Test(
    "anything else is refused with what was expected",
    arguments: [
      "accuracy", "accuracy>=", "accuracy>=nan", "size>=1", "pgd_accuracy>=0.1",
      "accuracy[36/255]>=0.1", "pgd_accuracy[x]>=0.1",
    ])
  func refusing(text: String) throws {
    let error = try #require(throws: UsageError.self) { _ = try Requirement(text) }
    #expect(error.description.hasPrefix("--require \(text): expected "))
  }
}
