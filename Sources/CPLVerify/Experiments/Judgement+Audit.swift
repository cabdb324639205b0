import CPLAudit
import CPLCertificates
import CPLReports

extension Judgement {
  /// What the results of an audit depend on beside the images' own positions. A budget is not in it:
  /// it decides what is attacked, not with which result.
  package func identity(of audit: CertificateAudit) throws -> AuditJournal.Identity {
    let provenance = report.provenance
    var identity: AuditJournal.Identity = [
      "weights": provenance.weightsDigest ?? "", "network": provenance.networkDigest ?? "",
      "steps": provenance.steps ?? "", "data": provenance.data.digest ?? "",
      "shard": provenance.data.shard ?? "1/1", "profile": provenance.profile ?? "",
      "certificate": provenance.certificate ?? "",
      "seed": provenance.seed.map { "\($0)" } ?? "",
      "attacks": audit.attacks.joined(separator: ", "), "program": try workplace.program.identity(),
    ]
    // Where it would decide nothing, journals stay what they were.
    if provenance.certificate == CertificateKind.local.rawValue {
      identity["local"] = network.localPlan.description
    }
    return identity
  }
}
