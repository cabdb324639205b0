import CPLAudit

/// Certified accuracy as a function of the radius, for each kind of certificate, and above it the
/// accuracy that the attacks have left: between the two lies what is not known.
struct CertifiedAccuracyCurve {
  private struct Curve {
    let name: String
    /// At each of `epsilons`.
    let shares: [Double]
  }

  private let curves: [Curve]
  /// What the attacks have left, and what is certified, of the images that were attacked.
  private let gap: (attacked: Curve, certified: Curve)?
  private let published: PublishedResult?
  /// The audit that drew the gap.
  private let audit: AuditResult?

  private static let epsilons = (0...200).map { Double($0) / 200 }

  /// Nil without a table of certificates to draw from.
  init?(_ report: VerificationReport, published: PublishedResult?) {
    guard let table = report.certificates, table.count > 0, !table.kinds.isEmpty else {
      return nil
    }
    self.published = published
    curves = table.kinds.map { kind in
      let radii = zip(table.radii[kind] ?? [], zip(table.predictions(of: kind), table.labels))
        .filter { $1.0 == $1.1 }.map(\.0)
      return Curve(name: kind.rawValue, shares: Self.shares(radii, of: table.count))
    }
    audit = report.audit.flatMap { $0.certified > 0 ? $0 : nil }
    gap = audit.map { audit in
      let correct = audit.images.filter { $0.prediction == $0.label }
      return (
        Curve(
          name: "left by attacks",
          shares: Self.shares(correct.map(\.distance), of: audit.images.count)),
        Curve(
          name: "\(audit.certificate), of the attacked",
          shares: Self.shares(correct.map(\.radius), of: audit.images.count))
      )
    }
  }

  /// For each radius the share, among `count` images, of numbers above it.
  private static func shares(_ numbers: [Double], of count: Int) -> [Double] {
    let sorted = numbers.sorted()
    var below = 0
    return epsilons.map { epsilon in
      while below < sorted.count, sorted[below] <= epsilon { below += 1 }
      return Double(sorted.count - below) / Double(count)
    }
  }

  var figure: ReportPage.Figure {
    let caption =
      audit.map {
        "Certified accuracy by radius, and the accuracy that the attacks left of the "
          + "\($0.images.count) images that were audited, of which \($0.attacked) were attacked; the "
          + "others count as left. \(meaning(of: $0))\(largestDifference)"
      } ?? "Certified accuracy by radius"
    return ReportPage.Figure(caption: caption, characters: [], drawing: drawing, table: table)
  }

  /// What lies between what is certified and what the attacks left.
  private func meaning(of audit: AuditResult) -> String {
    if !audit.violations.isEmpty {
      return "Where certificates are broken, the certified share is above the true one."
    }
    let band =
      "The band between it and what is certified of the same images is what is not known: "
      + "there the network may or may not be broken."
    return audit.certificate.isProved
      ? band : "\(band) What \(audit.certificate) certificates state below it is not proved either."
  }

  /// By how much the kinds of certificates differ, which may be too little to see.
  private var largestDifference: String {
    let differences = Self.epsilons.indices.map { index in
      let shares = curves.map { $0.shares[index] }
      return (shares.max() ?? 0) - (shares.min() ?? 0)
    }
    guard curves.count > 1, let largest = differences.max() else { return "" }
    return " The curves of the kinds of certificates differ by at most "
      + "\(Shown.fixed(largest * 100)) percentage points."
  }

  private var table: ReportPage.Table {
    let shown = Array(curves) + (gap.map { [$0.certified, $0.attacked] } ?? [])
    let steps = stride(from: 0, through: 200, by: 20)
    return ReportPage.Table(
      caption: "Shares by radius", columns: ["ε"] + shown.map(\.name),
      rows: steps.map { step in
        ReportPage.Row(
          Shown.number(Self.epsilons[step], digits: 3),
          shown.map { Shown.percent($0.shares[step]) })
      })
  }

  /// An `svg` element, its colours by the page's style.
  private var drawing: String {
    let plot = Plot(width: 760, height: 320, left: 48, right: 190, top: 12, bottom: 40)
    var body = plot.frame
    for share in [0, 0.25, 0.5, 0.75, 1] {
      body += plot.horizontalLine(at: share, label: "\(Int(share * 100)) %")
    }
    for epsilon in [0, 36, 72, 108, 255] {
      body += plot.tick(
        at: Double(epsilon) / 255,
        label: epsilon == 0 ? "0" : epsilon == 255 ? "1" : "\(epsilon)/255")
    }
    func points(_ curve: Curve) -> [String] {
      zip(Self.epsilons, curve.shares).map(plot.point)
    }
    if let gap {
      let outline = points(gap.attacked) + points(gap.certified).reversed()
      body += "<polygon class=\"gap\" points=\"\(outline.joined(separator: " "))\"/>\n"
    }
    for (index, curve) in (curves + (gap.map { [$0.attacked] } ?? [])).enumerated() {
      let style = "s\(gap != nil && index == curves.count ? 4 : index)"
      body +=
        "<polyline class=\"curve \(style)\" points=\"\(points(curve).joined(separator: " "))\"/>\n"
      body += plot.key(index, curve.name, style)
    }
    var line = curves.count + (gap == nil ? 0 : 1)
    if gap != nil {
      body += plot.key(line, "not known", "gap")
      line += 1
    }
    if let published {
      for (epsilon, share) in published.certifiedAccuracy.sorted(by: { $0.key < $1.key }) {
        body += plot.marker(epsilon.value, share)
      }
      body += plot.key(line, "paper (\(published.source))", "marker")
    }
    return plot.element(
      body, title: "Certified accuracy by radius",
      description: "The share of images classified correctly and certified, for radii from 0 to 1"
        + (gap == nil ? "." : ", and the share that no attack has broken."))
  }
}

extension TightnessHistogram {
  var table: ReportPage.Table {
    ReportPage.Table(
      caption: "Images by d/r", columns: ["d/r", "images"],
      rows: bins.map { ReportPage.Row($0.label, ["\($0.count)"]) })
  }

  /// An `svg` element, its colours by the page's style.
  var drawing: String {
    let plot = Plot(width: 640, height: 260, left: 12, right: 12, top: 24, bottom: 56)
    let width = 1 / Double(bins.count)
    var body = plot.frame
    for (index, bin) in bins.enumerated() {
      let share = Double(bin.count) / Double(largest)
      body += plot.bar(
        from: Double(index) * width + 0.1 * width, width: 0.8 * width, share: share,
        label: bin.count == 0 ? "" : "\(bin.count)", isAlarming: index == 0)
    }
    for (index, edge) in TightnessHistogram.edges.enumerated() where index.isMultiple(of: 2) {
      body += plot.tick(at: Double(index + 1) * width, label: TightnessHistogram.text(edge))
    }
    body += plot.caption(below: "d/r, logarithmic")
    return plot.element(
      body, title: "Images by d/r",
      description: bins.map { "\($0.label): \($0.count)" }.joined(separator: "; "))
  }
}
