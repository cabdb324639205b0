// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLVerify

/// How the exit code follows from a verdict.
struct VerdictOptions: ParsableArguments {
  @Flag(help: "Exit with 0, not 2, when no certificate is broken but their kind is no proof.")
  var allowUnproved = false

  /// Ends the command as the verdict of a report says; without one nothing was put to the test.
  func leave(_ report: VerificationReport) throws {
    switch report.verdict {
    case .holds, nil: return
    case .unproved where allowUnproved: return
    case .violated:
      Annotations.write("error", title: "certificates", report.headline)
      throw Exit.violated
    case .unproved, .inconclusive:
      Annotations.write("warning", title: "certificates", report.headline)
      throw Exit.inconclusive
    }
  }
}

extension Output {
  /// What every command that judges a network shows first: the headline and what else a reader must
  /// know before any number.
  static func opening(of report: VerificationReport) throws {
    try line(report.headline)
    for notice in report.provenance.furtherNotices { try line(notice) }
  }
}
