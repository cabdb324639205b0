/// Certified accuracy as a function of the radius, for each kind of certificate.
struct CertifiedAccuracyCurve {
  private let curves: [(name: String, points: [(epsilon: Double, share: Double)])]
  private let published: PublishedResult?

  /// Nil without a table of certificates to draw from.
  init?(_ report: VerificationReport, published: PublishedResult?) {
    guard let table = report.certificates, table.count > 0, !table.kinds.isEmpty else {
      return nil
    }
    self.published = published
    curves = table.kinds.map { kind in
      let radii = (table.radii[kind] ?? []).indices
        .filter { table.predictions[$0] == table.labels[$0] }
        .map { table.radii[kind]![$0] }.sorted()
      return (
        kind.rawValue,
        (0...200).map { step in
          let epsilon = Double(step) / 200
          return (epsilon, Double(radii.count { $0 > epsilon }) / Double(table.count))
        }
      )
    }
  }

  /// An `svg` element, its colours by the page's style.
  var drawing: String {
    let plot = Plot(width: 640, height: 300, left: 48, right: 28, top: 12, bottom: 40)
    var body = plot.frame
    for share in [0, 0.25, 0.5, 0.75, 1] {
      body += plot.horizontalLine(at: share, label: "\(Int(share * 100)) %")
    }
    for epsilon in [0, 36, 72, 108, 255] {
      body += plot.tick(at: Double(epsilon) / 255, label: epsilon == 0 ? "0" : "\(epsilon)/255")
    }
    for (index, curve) in curves.enumerated() {
      let points = curve.points.map { plot.point($0.epsilon, $0.share) }
        .joined(separator: " ")
      body += "<polyline class=\"curve s\(index)\" points=\"\(points)\"/>\n"
      body += plot.key(index, curve.name, "s\(index)")
    }
    if let published {
      for (epsilon, share) in published.certifiedAccuracy.sorted(by: { $0.key < $1.key }) {
        body += plot.marker(epsilon.value, share)
      }
      body += plot.key(curves.count, "paper (\(published.source))", "marker")
    }
    return plot.element(
      body, title: "Certified accuracy by radius",
      description: "The share of images classified correctly and certified, for radii from 0 to 1.")
  }
}

extension TightnessHistogram {
  /// An `svg` element, its colours by the page's style.
  var drawing: String {
    let plot = Plot(width: 640, height: 240, left: 12, right: 12, top: 24, bottom: 40)
    let width = 1 / Double(bins.count)
    var body = plot.frame
    for (index, bin) in bins.enumerated() {
      let share = Double(bin.count) / Double(largest)
      body += plot.bar(
        from: Double(index) * width + 0.1 * width, width: 0.8 * width, share: share,
        label: "\(bin.count)", name: bin.label, isAlarming: index == 0)
    }
    return plot.element(
      body, title: "Images by d/r",
      description: bins.map { "\($0.label): \($0.count)" }.joined(separator: "; "))
  }
}
