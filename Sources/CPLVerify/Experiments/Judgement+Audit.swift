// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReports

extension Judgement {
  /// What the results of an audit depend on beside the images' own positions. A budget is not in it:
  /// it decides what is attacked, not with which result.
  package func identity(of audit: CertificateAudit) throws -> AuditJournal.Identity {
    try identityOfCertificates.merging([
      "seed": report.provenance.seed.map { "\($0)" } ?? "",
      "attacks": audit.attacks.joined(separator: ", "),
    ]) { $1 }
  }

  /// What certificates depend on beside the images' own positions.
  package var identityOfCertificates: AuditJournal.Identity {
    get throws {
      let provenance = report.provenance
      var identity: AuditJournal.Identity = [
        "weights": provenance.weightsDigest ?? "", "network": provenance.networkDigest ?? "",
        "steps": provenance.steps ?? "", "data": provenance.data.digest ?? "",
        "shard": provenance.data.shard ?? "1/1", "profile": provenance.profile ?? "",
        "certificate": provenance.certificate ?? "",
        "program": try workplace.program.identity(),
      ]
      // Where it would decide nothing, journals stay what they were.
      identity["local"] = provenance.localPlan
      return identity
    }
  }
}
