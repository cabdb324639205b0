import CPLReference
import CPLVerify

extension AuditCommand {
  /// Puts stored counterexamples through the executed network again.
  func replayViolations(of path: String) throws {
    let report = try VerificationReport(path: path)
    guard let audit = report.audit else {
      throw ReferenceError.invalid(
        path: path, location: "/audit", expected: "the results of an audit", found: "none")
    }
    let checkpoint = try weights.read(options.progress)
    guard report.provenance.weightsDigest == checkpoint.digest else {
      throw ReferenceError.mismatch(
        expected:
          "the weights of the audit, digest \(report.provenance.weightsDigest ?? "unknown")",
        found: "\(weights.weights), digest \(checkpoint.digest)")
    }
    guard report.provenance.profile == weights.profile.rawValue else {
      throw ReferenceError.mismatch(
        expected: "--profile \(report.provenance.profile ?? "unknown"), that of the audit",
        found: "\(weights.profile.rawValue)")
    }
    let chosen = dataOptions.indices.map { Set($0.positions) }
    let violations = audit.violations.filter { chosen?.contains($0.index) ?? true }
    let certified = try CertifiedNetwork(
      VerifiedNetwork(
        checkpoint.network, profile: weights.profile.profile, workers: options.workers
      ) { _, _ in }, audit.certificate)
    var broken = 0
    for violation in violations {
      let again = try certified.replay(violation, workers: options.workers)
      broken += again.isBroken ? 1 : 0
      try Output.line(
        "image \(violation.index): class \(again.originalClass) certified to \(again.radius), "
          + "class \(again.adversarialClass) at \(again.distance): "
          + (again.isBroken ? "broken" : "holds"))
    }
    guard !violations.isEmpty else {
      try Output.line("\(path) holds no such violation: nothing to replay")
      throw Exit.inconclusive
    }
    try Output.line("\(broken) of \(violations.count) stored violations are violations again")
    if broken > 0 { throw Exit.violated }
  }
}
