// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

extension ReportPage {
  /// The questions that a reader comes with, each answered in a line.
  static func summary(_ report: VerificationReport) -> Section {
    let made = judged(report)
    return Section(
      heading: "In short",
      items: [
        "What is this? A report of cpl-verify on a network of \(layers(report.model)) (the paper: "
          + "Meunier, Delattre, Araujo and Allauzen, A Dynamical System Perspective for Lipschitz "
          + "Neural Networks, ICML 2022, arXiv 2110.12690). A certificate states a radius r around an "
          + "image: no perturbation shorter than r, in the Euclidean (ℓ₂) norm of pixel values from 0 to 1, "
          + "changes the predicted class. Which kinds of certificates are proved stands below, under what is "
          + "covered."
      ]
        + (report.audit.map { audit in
          [
            "Is any certificate broken? " + broken(audit, report),
            Distribution(audit.tightness).map {
              "How tight are they? The nearest adversarial image found lies at "
                + "\(Shown.number($0.median, digits: 4)) times the certified radius in the median. "
                + nearest(audit)
            },
          ].compactMap(\.self)
        } ?? []) + [
          "How was it made? "
            + (made.isEmpty ? "" : "What was judged: " + made.joined(separator: ", ") + ". ")
            + "The reproducibility card has the rest.",
          "How are the results reproduced? By the commands at the end of this page, which also says when the "
            + "digests must come out the same.",
        ])
  }

  /// What was judged, in parts of a sentence.
  private static func judged(_ report: VerificationReport) -> [String] {
    let facts = report.provenance
    var parts: [String] = []
    if let model = report.model {
      let layers = model.layers.map { "a network of layers \($0)" }
      parts.append(
        model.paperName ?? facts.experimentName ?? layers
          ?? "a network of a size that the paper does not have")
    }
    if let name = facts.data.name {
      parts.append(
        name == "synthetic"
          ? "on synthetic data (images drawn by the program, easy to tell apart: a demonstration that "
            + "says nothing about real ones)" : "on \(DatasetDescriptor.named(name)?.title ?? name)"
      )
    }
    if let last = report.training.last { parts.append("trained for \(last.epoch) epochs") }
    if let profile = facts.profile {
      parts.append(
        profile == "shipped" ? "judged as its file ships it" : "judged under the profile \(profile)"
      )
    }
    return parts
  }

  private static func broken(_ audit: AuditResult, _ report: VerificationReport) -> String {
    guard audit.certified > 0 else {
      return "No image carries a certificate, so none was attacked."
    }
    let attacked = "\(audit.attacked) \(audit.certificate) certificates that were attacked"
    let count = audit.violations.count
    guard count == 0 else {
      return "Yes, \(count) of the \(attacked). "
        + (audit.certificate.isProved
          ? "What is proved cannot be broken: this program, or what its proof rests on, is at fault."
          : "Certificates of this kind are no proof, and here they do not hold.")
    }
    let rest =
      audit.unfinished == 0
      ? "" : " The budget ran out before \(audit.unfinished) had been put through the whole plan."
    return
      "None was found among the \(attacked).\(rest) That no attack breaks one is evidence, not a "
      + "proof"
      + (report.contradictions.isEmpty && audit.certificate.isProved
        ? "; the proof is in the bounds."
        : report.unprovedReason().map { "; nothing proves them: \($0)." }
          ?? ", and nothing else here is one.")
  }

  /// What d/r tells of the nearest adversarial image of all, which no search need find.
  private static func nearest(_ audit: AuditResult) -> String {
    if !audit.violations.isEmpty { return "Where d/r is at most 1, the certificate is broken." }
    return "The nearest of all may be nearer than what was found"
      + (audit.certificate.isProved
        ? ", but not within the radius, where the certificate holds."
        : ", and nothing proves that it is not within the radius.")
  }
}

extension ReportPage {
  static func coverage(_ report: VerificationReport) -> Section {
    var kinds = Set(report.accuracies?.certifiedAccuracy.keys.map { $0 } ?? [])
    if let audit = report.audit { kinds.insert(audit.certificate) }
    let isDoubtful =
      !report.contradictions.isEmpty
      || report.audit.map { $0.certificate.isProved && !$0.violations.isEmpty } ?? false
    var items: [String] = []
    if isDoubtful {
      items.append(
        "Nothing is covered until the fault is found: what is proved was refuted. Without it the kinds "
          + "of certificates would state what follows.")
    }
    for kind in CertificateKind.allCases where kinds.contains(kind) {
      items += kind.certificate.statements
    }
    if let audit = report.audit { items += coverage(audit) }
    if let shard = report.provenance.data.shard {
      items.append(
        "Not covered: this is shard \(shard) of the images; 'report' puts all shards together.")
    }
    items.append(
      "Not covered by any of this: other images, other norms than the Euclidean one, other "
        + "weights; attacks that find nothing prove nothing; and the proofs are as good as the "
        + "program that computes them, with its compiler and OpenBLAS.")
    return Section(
      heading: "What is covered and what is not",
      items: items + report.contradictions.map { "Contradiction: \($0)" })
  }

  private static func coverage(_ audit: AuditResult) -> [String] {
    let plan = audit.plan.isEmpty ? "" : " by \(audit.plan.joined(separator: ", "))"
    var items = [
      audit.certified == 0
        ? "Not covered by the audit: no image is certified, so none was attacked."
        : "Covered by the audit: the images listed in the file of results, each certified one "
          + (audit.unfinished == 0
            ? "attacked inside its radius, at it, and beyond it\(plan)"
            : "as far as the budget reached, of the plan to attack it inside its radius, at it, and "
              + "beyond it\(plan)")
          + (audit.tightness.isEmpty || audit.plan.isEmpty
            ? "." : "; the table under Tightness says what each is.")
    ]
    if audit.unfinished > 0 { items.append(budget(audit)) }
    if !audit.excessLayers.isEmpty {
      items.append(
        "Not proved to be 1-Lipschitz with their steps, which published certificates take for "
          + "granted: \(audit.excessLayers.joined(separator: ", ")).")
    }
    if audit.certificate.isOfBinary64 {
      items.append(
        "The certificates are of the network in "
          + "\(audit.certificate.certificate.arithmetic.rawValue). Evaluated in binary32 "
          + "instead, it predicts another class for \(audit.differingPredictions) of the images, and "
          + "near \(audit.binary32Only) of them an attack found, within the radius, an image of another "
          + "class that is one by rounding alone; neither breaks a certificate.")
    }
    return items
  }

  /// What the budget was spent on.
  private static func budget(_ audit: AuditResult) -> String {
    let planned = audit.images.filter { $0.extent == .plan }
    let doubt = planned.compactMap(\.tightness).max().map { ", d/r up to \(Shown.pixels($0))" }
    return
      "Not covered, because the budget ran out after \(audit.passes) passes through the network: "
      + (planned.isEmpty
        ? "no image was put through the whole plan; "
        : "the whole plan was for the \(planned.count) images of the greatest doubt\(doubt ?? ""); ")
      + "\(audit.searched) were searched by \(audit.plan.first ?? "the first attack") alone, and "
      + "\(audit.unattacked) not attacked. The column 'extent' of the file of results says which. "
      + "How far a budget of seconds reaches depends on the machine; "
      + "--budget-passes \(audit.passes) instead reproduces these results."
  }
}

extension ReportPage {
  /// What a network is made of.
  fileprivate static func layers(_ model: ModelSummary?) -> String {
    model?.layers.map { "the layers \($0), each with a verified Lipschitz constant" }
      ?? "convex potential layers, each of which is 1-Lipschitz when its step is at most 2/‖W‖₂²"
  }
}
