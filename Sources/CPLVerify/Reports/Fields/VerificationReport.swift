// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLBounds
import CPLFindings
import CPLReference

/// What one run measured and proved, and from what: the one value from which every format of a
/// report is made.
///
/// Sections that a run did not come to are nil or empty. A report that is to name the digest of its
/// results is written to HDF5 and read back, and the other formats are made from what was read.
public struct VerificationReport: Sendable {
  /// How the results came to be. No result depends on it.
  public var provenance: Provenance
  /// The network's size.
  public var model: ModelSummary?
  /// The history of the training that made the weights, one record an epoch.
  public var training: [EpochRecord] = []
  /// What is proved of the layers and of the map before the head.
  public var bounds: NetworkBounds?
  /// A proved lower bound of that map's Lipschitz constant, found by search.
  public var lipschitzLowerBound: Double?
  /// Accuracies over all images.
  public var evaluation: EvaluationSummary?
  /// A radius for each image and kind of certificate.
  public var certificates: CertificateTable?
  /// What each attack found, by the attack's name.
  public var attacks: [String: AttackRecord] = [:]
  /// Certificates joined with attacks.
  public var audit: AuditResult?
  /// What came of the checks of properties.
  public var checks: [CheckResult] = []
  /// The digest of the results in the file that this report was read from; nil for one that was
  /// not.
  public internal(set) var contentDigest: String?

  /// A report without results yet.
  public init(provenance: Provenance) {
    self.provenance = provenance
  }
}

extension VerificationReport {
  /// Whether certificates and properties hold: the worse of the audit's and the checks' verdicts, or
  /// `violated` where proved bounds contradict each other. Nil without all of these, since then
  /// nothing was put to the test.
  public var verdict: AuditResult.Verdict? {
    var verdicts = [audit?.verdict].compactMap { $0 }
    if !checks.isEmpty {
      verdicts.append(AuditResult.Verdict(rawValue: checks.verdict.rawValue) ?? .inconclusive)
    }
    if !contradictions.isEmpty { verdicts.append(.violated) }
    return [.violated, .inconclusive, .unproved, .holds].first(where: verdicts.contains)
  }

  /// The bounds that cannot both be true, a lower one above its upper one: each is a bug of this
  /// program.
  package var contradictions: [String] {
    guard let bounds else { return [] }
    let layers = bounds.layers.compactMap { layer in
      layer.spectralNorm.flatMap {
        $0.lowerBound <= $0.upperBound
          ? nil : "\(layer.name): \($0.lowerBound) ≤ ‖W‖₂ ≤ \($0.upperBound)"
      }
    }
    guard let lower = lipschitzLowerBound, !(lower <= bounds.lipschitzUpperBound) else {
      return layers
    }
    return layers + ["network: \(lower) ≤ Lipschitz constant ≤ \(bounds.lipschitzUpperBound)"]
  }

  /// The attacks, by their names.
  var namedAttacks: [AttackFields.Record] {
    attacks.sorted { $0.key < $1.key }.map { Placed(part: $0.value, place: $0.key) }
  }

  /// The accuracies of `evaluation`, or what the certificates tell of them.
  package var accuracies: EvaluationSummary? {
    evaluation ?? certificates.map { EvaluationSummary($0) }
  }
}
