// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

extension AuditResult.Verdict {
  /// The verdict as people read it.
  package var words: String {
    switch self {
    case .holds: "Proved and not broken"
    case .unproved: "Not broken, not proved"
    case .violated: "Broken"
    case .inconclusive: "Inconclusive"
    }
  }
}

extension Notice {
  /// The notice in one line.
  package var line: String {
    switch kind {
    case .stepsReplaced, .otherData, .earlierFormat: text.prefix(1).uppercased() + text.dropFirst()
    case .assumption: "On reading: \(text)"
    }
  }
}

extension Provenance {
  /// What precedes every verdict, in the same line; empty where there is nothing of that kind.
  var headlineNotices: String {
    (notices ?? []).filter(\.kind.isHeadline).map { "\($0.line). " }.joined()
  }

  /// What follows the headline in lines of its own.
  package var furtherNotices: [String] {
    (notices ?? []).filter { !$0.kind.isHeadline }.map(\.line)
  }
}

extension VerificationReport {
  /// What a reader must know, in one line: what was judged if not the network in the file, the
  /// verdict in words, and the accuracies with their denominators.
  public var headline: String { provenance.headlineNotices + statement(withAccuracy: true) }

  /// The headline without accuracies, where these stand beside it.
  var verdictLine: String { provenance.headlineNotices + statement(withAccuracy: false) }

  private func statement(withAccuracy: Bool) -> String {
    guard contradictions.isEmpty else {
      return "Broken: bounds contradict each other, which is a bug of this program"
    }
    guard let audit else {
      return checks.isEmpty ? unattackedStatement : ReportPage.headline(checks)
    }
    let shard = provenance.data.shard.flatMap(Shard.init).map {
      ", in shard \($0.number) of \($0.count)"
    }
    let facts = [
      withAccuracy ? accuracyText(audit.certificate) : nil, attackText(audit),
      binary32Text(audit),
      audit.nonFinite == 0
        ? nil : "the logits of \(Shown.count(audit.nonFinite)) images are not finite",
      unprovedReason(layers: 3),
      checks.isEmpty ? nil : ReportPage.counts(checks),
    ]
    return (verdict ?? audit.verdict).words + (shard ?? "") + ": "
      + facts.compactMap(\.self).joined(separator: "; ")
  }

  /// What was done where nothing was put to the test.
  private var unattackedStatement: String {
    let strongest = CertificateKind.allCases.last { accuracies?.certifiedAccuracy[$0] != nil }
    if let (name, record) = attacks.min(by: { $0.key < $1.key }), attacks.count == 1 {
      let under = record.epsilon.map { "under \(name) at \($0)" } ?? "with \(name) at any distance"
      return "Attacked: accuracy \(Shown.percent(record.cleanAccuracy)), "
        + "\(Shown.percent(record.robustAccuracy)) \(under) "
        + "(\(denominator(record.count))); no certificate was tested"
    }
    if let accuracy = accuracyText(strongest) {
      return "Evaluated: \(accuracy); no certificate was attacked"
    }
    if let bounds {
      let lower = lipschitzLowerBound.map { " and at least \(Shown.lower($0))" } ?? ""
      return "Bounded: the Lipschitz constant before the head is at most "
        + "\(Shown.upper(bounds.lipschitzUpperBound))\(lower); no certificate was attacked"
    }
    return "Nothing was judged: these results hold neither bounds nor certificates"
  }

  /// Accuracy and, for a kind of certificate, certified accuracy; nil where no image was judged.
  private func accuracyText(_ kind: CertificateKind?) -> String? {
    guard let summary = accuracies, summary.images > 0 else { return nil }
    let epsilon = Epsilon.published[0]
    // A certificate counts where the class that it belongs to is right.
    let accuracy = kind.map(summary.accuracy(of:)) ?? summary.accuracy
    let isAnother = accuracy != summary.accuracy
    let clean = "accuracy \(isAnother ? "in binary64 " : "")\(Shown.percent(accuracy))"
    guard let kind, let share = summary.certifiedAccuracy[kind]?[epsilon] else {
      return "\(clean) (\(denominator(summary.images)))"
    }
    let searched = kind == .local ? summary.searched ?? summary.images : summary.images
    return "\(clean), certified \(Shown.percent(share)) at \(epsilon) "
      + "(\(kind.isProved ? kind.rawValue : "\(kind), not proved"), \(denominator(summary.images))"
      + (searched == summary.images
        ? ")" : ", of which time allowed to search \(Shown.count(searched)))")
  }

  /// That the binary32 network is another one on some of the images; nil where it is not.
  private func binary32Text(_ audit: AuditResult) -> String? {
    audit.differingPredictions == 0
      ? nil
      : "evaluated in binary32 instead it predicts another class for "
        + "\(Shown.count(audit.differingPredictions)) of \(Shown.count(audit.images.count)) images"
  }

  private func attackText(_ audit: AuditResult) -> String {
    guard audit.certified > 0 else {
      return "none of \(Shown.count(audit.images.count)) images carries a certificate, so none was "
        + "attacked"
    }
    let all = max(
      provenance.data.available ?? 0, accuracies?.images ?? 0, audit.images.count)
    let broken = audit.violations.count
    return "\(Shown.count(audit.attacked)) of \(Shown.count(all)) images attacked, "
      + "\(broken == 0 ? "none" : Shown.count(broken)) of their certificates broken"
      + (audit.unfinished == 0
        ? ""
        : ", and \(Shown.count(audit.unfinished)) certified images not put through the whole plan "
          + "when the budget ran out")
  }

  private func denominator(_ images: Int) -> String {
    let all = provenance.data.available.flatMap { $0 > images ? $0 : nil }
    return "\(Shown.count(images))\(all.map { " of \(Shown.count($0))" } ?? "") images"
  }

  /// Why certificates are no proof though none was broken; nil where they are one, or are broken.
  ///
  /// - Parameter count: how many layers are named at most.
  package func unprovedReason(layers count: Int = .max) -> String? {
    guard let audit, audit.verdict == .unproved else { return nil }
    let certificate = audit.certificate.certificate
    guard certificate.takesLayersForNonexpansive, !audit.excessLayers.isEmpty else {
      return certificate.gap.map { "\(certificate.name) certificates \($0)" }
    }
    let more = audit.excessLayers.count - count
    return "\(certificate.name) certificates take layers for 1-Lipschitz that may expand: "
      + audit.excessLayers.prefix(count).joined(separator: ", ")
      + (more > 0 ? " and \(more) more" : "")
      + (bounds.map { " (L ≤ \(Shown.upper($0.lipschitzUpperBound)) before the head)" } ?? "")
  }
}
