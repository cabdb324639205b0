// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLBounds
import CPLCertificates
import CPLReference
import CPLReports

/// The broken certificates of stored results, to be put through the executed network again.
package struct AuditReplay {
  private let audit: AuditResult
  private let provenance: Provenance
  private let network: String

  /// Reads results.
  ///
  /// - Throws: `ReferenceError` for results without an audit, or that do not name their network.
  package init(of path: String) throws {
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
    self.audit = audit
    self.network = network
    provenance = report.provenance
  }

  /// Puts the violations through the network, one by one.
  ///
  /// - Parameters:
  ///   - path: where the weights were read from.
  ///   - flags: those with which they were read and judged, for messages.
  ///   - indices: of the images that are asked for; all where nil.
  ///   - show: called with each.
  /// - Returns: how many there were, and how many are broken again.
  package func run(
    _ checkpoint: Checkpoint, at path: String, under judging: Judging, flags: [String],
    indices: Indices?, workers: Workers, show: (Violation, ReplayedViolation) throws -> Void
  ) throws -> (count: Int, broken: Int) {
    guard provenance.weightsDigest == checkpoint.digest else {
      throw ReferenceError.mismatch(
        expected: "the weights of the audit, digest \(provenance.weightsDigest ?? "unknown")",
        found: "\(path), digest \(checkpoint.digest)")
    }
    let verified = try judging.verify(checkpoint, workers: workers) { _, _ in }
    let digest = try verified.network.digest()
    guard digest == network else {
      throw ReferenceError.mismatch(
        expected: "the network of the audit, digest \(network), judged with "
          + Self.words(for: provenance.weightsFlags ?? ""),
        found: "digest \(digest), with \(Self.words(for: Provenance.shellCommand(flags)))")
    }
    let chosen = indices.map { Set($0.positions) }
    let violations = audit.violations.filter { chosen?.contains($0.index) ?? true }
    let plan = provenance.localPlan.flatMap { LocalPlan($0) } ?? LocalPlan()
    let certified = try CertifiedNetwork(
      EvaluatedNetwork(verified, localPlan: plan), audit.certificate)
    var broken = 0
    for violation in violations {
      let again = try certified.replay(violation, workers: workers)
      broken += again.isBroken ? 1 : 0
      try show(violation, again)
    }
    return (violations.count, broken)
  }

  private static func words(for flags: String) -> String { flags.isEmpty ? "no flags" : flags }
}
