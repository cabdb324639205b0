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
    guard let network = report.provenance.networkDigest else {
      throw ReferenceError.mismatch(
        expected: "results that name the network that they are of",
        found: "\(path), results of an earlier version, whose digest leaves out steps, "
          + "normalisation and head; audit the weights again")
    }
    let checkpoint = try weights.read()
    guard report.provenance.weightsDigest == checkpoint.digest else {
      throw ReferenceError.mismatch(
        expected:
          "the weights of the audit, digest \(report.provenance.weightsDigest ?? "unknown")",
        found: "\(weights.weights), digest \(checkpoint.digest)")
    }
    let verified = try weights.judging.verify(checkpoint, workers: options.workers) { _, _ in }
    let digest = try verified.network.digest()
    guard digest == network else {
      throw ReferenceError.mismatch(
        expected: "the network of the audit, digest \(network), judged with "
          + Self.words(for: report.provenance.weightsFlags ?? ""),
        found: "digest \(digest), with \(Self.words(for: Provenance.shellCommand(weights.flags)))")
    }
    let chosen = dataOptions.indices.map { Set($0.positions) }
    let violations = audit.violations.filter { chosen?.contains($0.index) ?? true }
    let certified = try CertifiedNetwork(EvaluatedNetwork(verified), audit.certificate)
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

  private static func words(for flags: String) -> String { flags.isEmpty ? "no flags" : flags }
}
