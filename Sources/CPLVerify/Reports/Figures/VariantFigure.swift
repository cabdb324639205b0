// SPDX-License-Identifier: Apache-2.0

/// Shares of images over the variants of a study, a curve a kind of share.
package struct VariantFigure {
  package struct Curve {
    let name: String
    /// For each variant the mean and the standard deviation; nil where there is none.
    let values: [(mean: Double, deviation: Double?)?]

    package init(_ name: String, _ values: [(mean: Double, deviation: Double?)?]) {
      self.name = name
      self.values = values
    }
  }

  private let title: String
  /// What the variants differ in.
  private let subject: String
  private let variants: [String]
  private let curves: [Curve]

  package init(title: String, subject: String, variants: [String], curves: [Curve]) {
    self.title = title
    self.subject = subject
    self.variants = variants
    self.curves = curves
  }

  package var figure: ReportPage.Figure {
    ReportPage.Figure(
      name: "study",
      caption: "\(title). Bars: the standard deviation over the seeds.", drawing: drawing,
      table: table,
      numbers: numbers)
  }

  private var drawing: String {
    let plot = Plot()
    func place(_ index: Int) -> Double { (Double(index) + 0.5) / Double(variants.count) }
    var body = [0, 0.25, 0.5, 0.75, 1].map {
      plot.horizontalLine(at: $0, label: "\(Int($0 * 100)) %")
    }.joined()
    for (index, name) in variants.enumerated() { body += plot.tick(at: place(index), label: name) }
    for (style, curve) in curves.enumerated() {
      let points = curve.values.enumerated().compactMap { index, value in
        value.map { (x: place(index), value: $0) }
      }
      body += plot.curve(points.map { ($0.x, $0.value.mean) }, "s\(style)")
      for (x, value) in points {
        guard let deviation = value.deviation else { continue }
        body += plot.whisker(
          at: x, max(0, value.mean - deviation)...min(1, value.mean + deviation), "s\(style)")
      }
    }
    return plot.element(
      body + plot.axes(subject, "share of the images"),
      keys: curves.enumerated().map { Plot.Key(name: $1.name, style: "s\($0)") },
      title: title, description: "Shares of the images by \(subject).")
  }

  private var table: ReportPage.Table {
    ReportPage.Table(
      caption: "Means over the seeds", columns: [subject] + curves.map(\.name),
      rows: variants.enumerated().map { index, name in
        ReportPage.Row(name, curves.map { Shown.percent($0.values[index]?.mean) })
      })
  }

  private var numbers: CSVTable {
    let columns = curves.map { CSVTable.Column($0.name, .ratio, "the mean over the seeds") }
    let rows = variants.enumerated().map { index, name in
      [name] + curves.map { $0.values[index].map { "\($0.mean)" } ?? "" }
    }
    return CSVTable("study", [CSVTable.Column(subject, .text, "the variant")] + columns, rows)
  }
}
