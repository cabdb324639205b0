// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

/// A row of a leaderboard: what one network came to.
struct LeaderboardEntry: Sendable {
  /// What it was read from.
  let path: String
  /// Its name beside the others'.
  let name: String
  /// The experiment's name, or the paper's.
  let network: String?
  let parameters: Int?
  let epochs: Int?
  let trainingImages: Int?
  let images: Int
  let clean: ObservedShare?
  let certified: [CertificateKind: [Epsilon: ObservedShare]]
  let attacked: EmpiricalRobustAccuracy?
  let lipschitzUpperBound: Double?
  /// The upper over the lower side of the network's Lipschitz constant.
  let slack: Double?
  /// The median of d/r, and of how many images.
  let tightness: (median: Double, images: Int)?
  let verdict: AuditResult.Verdict?
  let notices: [Notice]
  let contentDigest: String?
  let curve: ShareCurve?

  /// The radii of the columns.
  static let epsilons = Array(Epsilon.published.prefix(3))

  /// - Parameter kind: the certificates that its curve is of.
  init(_ report: VerificationReport, path: String, name: String, kind: CertificateKind?) {
    let summary = report.accuracies
    let count = summary?.images ?? 0
    let distribution = report.audit.flatMap { Distribution($0.tightness) }
    self.path = path
    self.name = name
    network = report.model?.paperName ?? report.provenance.experimentName
    parameters = report.model?.parameters
    epochs = report.training.last?.epoch
    trainingImages = report.provenance.splits.training
    images = count
    clean = ObservedShare(
      kind.flatMap { summary?.accuracy(of: $0) } ?? summary?.accuracy, of: count)
    certified = (summary?.certifiedAccuracy ?? [:]).mapValues { shares in
      shares.compactMapValues { ObservedShare($0, of: count) }
    }
    attacked = report.empiricalRobustAccuracy(at: Epsilon.published[0])
    lipschitzUpperBound = report.bounds?.lipschitzUpperBound
    slack = report.bounds.flatMap { bounds in
      report.lipschitzLowerBound.flatMap { $0 > 0 ? bounds.lipschitzUpperBound / $0 : nil }
    }
    tightness = distribution.map { ($0.median, report.audit?.tightness.count ?? 0) }
    verdict = report.verdict
    notices = report.provenance.notices ?? []
    contentDigest = report.contentDigest
    curve = kind.flatMap { kind in
      report.certificates.flatMap { $0.count > 0 ? ShareCurve(name, $0, kind) : nil }
    }
  }

  func certified(_ kind: CertificateKind, _ epsilon: Epsilon) -> ObservedShare? {
    certified[kind]?[epsilon]
  }
}
