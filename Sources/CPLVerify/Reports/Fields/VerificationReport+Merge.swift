// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference

extension VerificationReport {
  /// The report of a whole audit, or of all images' certificates, put together from those of all its shards, in
  /// any order. Its results are those that one run on all images comes to.
  ///
  /// - Parameter shards: each report with the name of its file, for messages.
  /// - Throws: `ReferenceError.mismatch` when a shard is missing, stands twice, or is one of another
  ///   audit; the message names the files and what differs.
  package static func merging(
    _ shards: [(name: String, report: VerificationReport)]
  ) throws -> VerificationReport {
    let parts = try inOrder(shards)
    let (first, rest) = (parts[0], parts.dropFirst())
    for other in rest { try first.check(isOfOneAuditWith: other) }
    var merged = VerificationReport(
      provenance: Provenance(merging: parts.map(\.report.provenance)))
    merged.model = first.report.model
    merged.training = first.report.training
    merged.bounds = first.report.bounds
    merged.lipschitzLowerBound = first.report.lipschitzLowerBound
    merged.certificates = CertificateTable(merging: parts.map(\.certificates))
    merged.evaluation = merged.certificates.map {
      EvaluationSummary($0, also: first.report.evaluation?.epsilons ?? [])
    }
    merged.audit = AuditResult(merging: parts.compactMap(\.audit))
    return merged
  }

  /// A shard's report, known to hold what is merged.
  private struct Part {
    let name: String
    let shard: Shard
    let report: VerificationReport
    let certificates: CertificateTable
    let audit: AuditResult?

    init(_ name: String, _ report: VerificationReport) throws {
      guard let shard = report.provenance.data.shard.flatMap(Shard.init),
        let certificates = report.certificates, report.attacks.isEmpty
      else {
        throw ReferenceError.mismatch(
          expected: "shards, each the results of a command with --shard",
          found: "\(name), which is not one")
      }
      (self.name, self.shard, self.report) = (name, shard, report)
      (self.certificates, audit) = (certificates, report.audit)
    }

    /// The kind that was audited, or else was asked for.
    private var certificate: String? {
      audit?.certificate.rawValue ?? report.provenance.certificate
    }

    /// Checks that all images of the shard are there.
    func checkImages() throws {
      let rows = shard.positions(in: report.provenance.data.images ?? 0).count
      let images = audit?.images.map(\.index) ?? certificates.indices
      guard certificates.indices == images, images.count == rows else {
        throw ReferenceError.mismatch(
          expected: "the \(rows) images of shard \(shard) in \(name)",
          found: "\(images.count)")
      }
    }

    /// Checks all that the results depend on.
    func check(isOfOneAuditWith other: Part) throws {
      func check(_ what: String, _ own: String?, _ others: String?) throws {
        guard own != others else { return }
        throw ReferenceError.mismatch(
          expected: "shards of one run, \(what) \(own ?? "unknown") as in \(name)",
          found: "\(others ?? "unknown") in \(other.name)")
      }
      let (facts, others) = (report.provenance, other.report.provenance)
      try check("weights", facts.weightsDigest, others.weightsDigest)
      try check("network", facts.networkDigest, others.networkDigest)
      try check("data", facts.data.digest, others.data.digest)
      try check("configuration", facts.configurationDigest, others.configurationDigest)
      try check("profile", facts.profile, others.profile)
      try check("certificate", certificate, other.certificate)
      try check("local certificates", facts.localPlan, others.localPlan)
      try check("seed", facts.seed.map { "\($0)" }, others.seed.map { "\($0)" })
      try check("attacks", audit?.plan.description, other.audit?.plan.description)
      try check("program", facts.program, others.program)
      try check("bounds", report.boundsText, other.report.boundsText)
    }
  }

  /// The shards by number, each there once.
  private static func inOrder(
    _ shards: [(name: String, report: VerificationReport)]
  ) throws -> [Part] {
    let parts = try shards.map { try Part($0.name, $0.report) }
    guard let count = parts.first?.shard.count else {
      throw ReferenceError.mismatch(expected: "the shards of a run", found: "none")
    }
    var byNumber: [Int: Part] = [:]
    var indices: [Int: String] = [:]
    for part in parts {
      guard part.shard.count == count else {
        throw ReferenceError.mismatch(
          expected: "\(count) shards, as \(parts[0].name) is \(parts[0].shard)",
          found: "\(part.name), which is \(part.shard)")
      }
      if let other = byNumber.updateValue(part, forKey: part.shard.number) {
        throw ReferenceError.mismatch(
          expected: "every shard once",
          found: "shard \(part.shard) in \(other.name) and in \(part.name)")
      }
      try part.checkImages()
      for index in part.certificates.indices {
        if let other = indices.updateValue(part.name, forKey: index), other != part.name {
          throw ReferenceError.mismatch(
            expected: "every image once", found: "image \(index) in \(other) and in \(part.name)")
        }
      }
    }
    let missing = (1...count).filter { byNumber[$0] == nil }
    guard missing.isEmpty else {
      let shown = missing.prefix(10).map { "\($0)/\(count)" }.joined(separator: ", ")
      throw ReferenceError.mismatch(
        expected: "all \(count) shards",
        found: "none for \(shown)\(missing.count > 10 ? " and others" : "")")
    }
    return (1...count).compactMap { byNumber[$0] }
  }

  /// The bounds that certificates rest on, as a text that tells any two apart.
  private var boundsText: String? {
    bounds.map { bounds in
      let layers = bounds.layers.map { "\($0.lipschitzUpperBound)" }.joined(separator: ", ")
      return "\(bounds.lipschitzUpperBound) (\(layers); OpenBLAS core "
        + "\(provenance.versions.openblasCore ?? "unknown"))"
    }
  }
}

/// One element from each list in turn: the order of which the lists are shards.
private func interleaved<Element>(_ lists: [[Element]]) -> [Element] {
  let longest = lists.map(\.count).max() ?? 0
  return (0..<longest).flatMap { row in lists.compactMap { row < $0.count ? $0[row] : nil } }
}

extension CertificateTable {
  fileprivate init(merging tables: [CertificateTable]) {
    func column<Element>(_ column: (CertificateTable) -> [Element]) -> [Element] {
      interleaved(tables.map(column))
    }
    let kinds = tables.first?.kinds ?? []
    self.init(
      indices: column(\.indices), labels: column(\.labels), predictions: column(\.predictions),
      binary64Predictions: column(\.binary64Predictions), margins: column(\.margins),
      radii: Dictionary(
        uniqueKeysWithValues: kinds.map { kind in
          (kind, column { $0.radii[kind] ?? Array(repeating: 0, count: $0.count) })
        }),
      isSearched: tables.contains { $0.isSearched == nil } ? nil : column { $0.isSearched ?? [] })
  }
}

extension AuditResult {
  /// Nil without parts.
  fileprivate init?(merging parts: [AuditResult]) {
    guard let first = parts.first else { return nil }
    let images = interleaved(parts.map(\.images))
    let positions = Dictionary(
      images.enumerated().map { ($1.index, $0) }, uniquingKeysWith: { first, _ in first })
    self.init(
      certificate: first.certificate, plan: first.plan, images: images,
      violations: parts.flatMap(\.violations).sorted {
        positions[$0.index, default: 0] < positions[$1.index, default: 0]
      }, excessLayers: first.excessLayers)
  }
}

extension Provenance {
  /// The program as a text that tells any two apart as far as commits do.
  fileprivate var program: String {
    "\(versions.program ?? "unknown"), commit \(gitCommit ?? "unknown")"
      + (isDirty == true ? " with changes" : "")
  }

  /// The provenance of results that were put together: what all have in common, all commands, the
  /// sum of what they took. What differs is left out.
  fileprivate init(merging parts: [Provenance]) {
    self = parts[0]
    func common<Value: Equatable>(_ path: WritableKeyPath<Provenance, Value?>) {
      if parts.contains(where: { $0[keyPath: path] != parts[0][keyPath: path] }) {
        self[keyPath: path] = nil
      }
    }
    func sum(_ path: WritableKeyPath<Provenance, Double?>) {
      let values = parts.compactMap { $0[keyPath: path] }
      self[keyPath: path] = values.count == parts.count ? values.reduce(0, +) : nil
    }
    notices = parts.reduce(into: nil) { all, part in
      let others = (part.notices ?? []).filter { all?.contains($0) != true }
      if !others.isEmpty { all = (all ?? []) + others }
    }
    data.shard = nil
    auditDigest = nil
    command = parts.compactMap(\.command).joined(separator: "\n")
    common(\.data.folder)
    common(\.weights)
    common(\.versions.swift)
    common(\.versions.openblas)
    common(\.versions.openblasCore)
    common(\.versions.hdf5)
    common(\.machine.cpu)
    common(\.machine.cores)
    common(\.machine.memoryBytes)
    common(\.machine.kernelLevel)
    common(\.machine.threads)
    common(\.machine.device)
    common(\.machine.deviceDriver)
    common(\.machine.devicePlatform)
    cost.start = parts.compactMap(\.cost.start).min()
    sum(\.cost.wallSeconds)
    sum(\.cost.cpuSeconds)
    sum(\.cost.localSeconds)
    let images = parts.compactMap(\.cost.localImages)
    cost.localImages = images.count == parts.count ? images.reduce(0, +) : nil
    sum(\.cost.joules)
  }
}
