// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates

/// Certified accuracy as a function of the radius, for each kind of certificate, and above it the
/// accuracy that the attacks have left: between the two lies what is not known.
struct CertifiedAccuracyCurve {
  private typealias Curve = ShareCurve

  private let curves: [Curve]
  /// What the attacks have left, and what is certified, of the images that were audited.
  private let gap: (attacked: Curve, certified: Curve)?
  private let published: PublishedResult?
  /// The audit that drew the gap.
  private let audit: AuditResult?

  /// Nil without a table of certificates to draw from.
  init?(_ report: VerificationReport, published: PublishedResult?) {
    guard let table = report.certificates, table.count > 0, !table.kinds.isEmpty else {
      return nil
    }
    self.published = published
    curves = table.kinds.map { Curve($0.rawValue, table, $0) }
    audit = report.audit.flatMap { $0.certified > 0 ? $0 : nil }
    gap = audit.map { audit in
      let correct = audit.images.filter { $0.prediction == $0.label }
      return (
        Curve(
          "empirical robust accuracy", correct.map(\.distance), of: audit.images.count),
        Curve(
          "\(audit.certificate) (audited images)", correct.map(\.radius), of: audit.images.count)
      )
    }
  }

  var figure: ReportPage.Figure {
    let caption =
      "Certified accuracy by radius"
      + (audit.map {
        ", and above it the empirical robust accuracy of the \(Shown.count($0.images.count)) audited "
          + "images: the share with no image of another class found within ε. "
          + ($0.attacked == $0.images.count
            ? ""
            : "\(Shown.count($0.attacked)) of them were attacked; the others count as not broken. ")
          + meaning(of: $0)
      } ?? ".") + " Bars: 95 % (Wilson).\(curves.coincidences)"
    return ReportPage.Figure(
      name: "certified-accuracy", caption: caption, drawing: drawing, table: shown.table,
      numbers: shown.numbers(named: "certified-accuracy"))
  }

  /// What lies between what is certified and what the attacks left.
  private func meaning(of audit: AuditResult) -> String {
    if !audit.violations.isEmpty {
      return "Where certificates are broken, the certified share is above the true one."
    }
    let known = gapAtPaperRadius.map { " At 36/255 that is \(Shown.percent($0)) of them." } ?? ""
    let band = "Between the two nothing is known: neither certified nor broken.\(known)"
    return audit.certificate.isProved
      ? band : "\(band) What \(audit.certificate) certificates state below is not proved either."
  }

  private var gapAtPaperRadius: Double? {
    gap.flatMap { gap in
      let epsilon = Epsilon.published[0].value
      guard let left = gap.attacked.observed(at: epsilon),
        let certified = gap.certified.observed(at: epsilon)
      else { return nil }
      return left.share - certified.share
    }
  }

  /// The names of kinds whose curves are drawn as one, the strongest first: those that are proved, where any is.
  private static func names(of group: [Curve]) -> String {
    let proved = group.filter { CertificateKind(rawValue: $0.name)?.isProved != false }
    return proved.isEmpty
      ? group.map { "\($0.name), not proved" }.joined(separator: ", ")
      : proved.reversed().map(\.name).joined(separator: ", ")
  }

  private var shown: [Curve] { curves + (gap.map { [$0.certified, $0.attacked] } ?? []) }

  /// An `svg` element, its colours by the page's style.
  private var drawing: String {
    let plot = Plot()
    var body = ShareCurve.grid(plot)
    var keys: [Plot.Key] = []
    if let gap {
      body += plot.area(gap.attacked.points + gap.certified.points.reversed(), "gap")
      body += gap.attacked.drawing(plot, "s4")
      keys = [
        Plot.Key(name: "empirical robust accuracy", style: "s4"),
        Plot.Key(name: "not known: neither certified nor broken", style: "gap", form: .area),
      ]
    }
    for (index, group) in curves.distinct.enumerated() {
      guard let last = group.last else { continue }
      body += last.drawing(plot, "s\(index)")
      keys.append(
        Plot.Key(
          name: "certified: \(Self.names(of: group))", style: "s\(index)"))
    }
    if let published {
      for (epsilon, share) in published.certifiedAccuracy.sorted(by: { $0.key < $1.key }) {
        body += plot.marker(epsilon.value, share)
      }
      keys.append(
        Plot.Key(
          name: "the paper's \(published.model) (\(published.source))", style: "marker",
          form: .point))
    }
    return plot.element(
      body + ShareCurve.axes(plot),
      keys: keys, title: "Certified accuracy by radius",
      description: "The share of images classified correctly and certified, for radii from 0 to 1"
        + (gap == nil ? "." : ", and the share that no attack has broken."))
  }
}
