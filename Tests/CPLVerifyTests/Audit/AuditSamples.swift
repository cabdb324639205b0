// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

/// Audits of a network that takes no time, with certificates that can be broken by rounding.
enum AuditSample {
  static let network = Result { try TightNetworks.linear(1, classes: 4) }

  static let images: ImageDataset = {
    var random = CounterRandom(seed: 1, purpose: .test)
    let count = 150
    return ImageDataset(
      name: "noise", classes: 4, imageShape: TightNetworks.imageShape,
      pixels: (0..<count * 48).map { _ in UInt8(80 + random.below(96)) },
      labels: Array(repeating: 0, count: count))
  }()

  static func audit(
    _ certificate: CertificateKind = .published, threads: Int = 1
  ) throws -> CertificateAudit {
    try CertificateAudit(
      EvaluatedNetwork(network.get()), certificate: certificate, seed: 0,
      workers: Workers(threads: threads))
  }

  static let identity = ["weights": "0123", "data": "4567", "shard": "1/1"]

  static func report(_ audit: AuditResult) throws -> VerificationReport {
    var report = VerificationReport(provenance: Provenance())
    report.model = ModelSummary(try network.get().network)
    report.bounds = try network.get().bounds
    report.audit = audit
    return report
  }

  /// The digest of all that a file says of an audit's results.
  static func digest(_ audit: AuditResult) throws -> String {
    try digest(try report(audit))
  }

  static func digest(_ report: VerificationReport) throws -> String {
    try withReportFolder { folder in
      try report.write(to: folder + "/a.h5")
      return try VerificationReport.contentDigest(of: folder + "/a.h5")
    }
  }
}
