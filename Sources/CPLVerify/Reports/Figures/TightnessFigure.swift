// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How many images have which d/r, over a range that fits them, with lines at 1, up to which a
/// certificate is broken, and at the median.
struct TightnessFigure {
  private let values: [Double]
  private let edges: [Double]
  private let isLogarithmic: Bool
  /// How many values lie in each class, its upper end included.
  private let counts: [Int]

  /// - Parameter values: ascending.
  init?(_ values: [Double]) {
    guard let first = values.first, let last = values.last, first > 0, last.isFinite else {
      return nil
    }
    self.values = values
    let (low, high) = (min(first, 1), max(last, 1.1))
    isLogarithmic = high / low > 12
    let (start, end) = isLogarithmic ? (log(low), log(high)) : (low, high)
    let width = isLogarithmic ? (end - start) / 24 : Axis([0, (high - low) / 4]).unit
    // 1 is the end of a class, so that broken certificates are in classes of their own.
    let middle = isLogarithmic ? 0.0 : 1.0
    let below = ((middle - start) / width).rounded(.up)
    let above = max(1, ((end - middle) / width).rounded(.up))
    let linear = (0...Int(below + above)).map { middle + (Double($0) - below) * width }
    let edges = isLogarithmic ? linear.map(exp) : linear
    self.edges = edges
    var counts = Array(repeating: 0, count: edges.count - 1)
    for value in values {
      let index = edges.firstIndex { value <= $0 } ?? edges.count - 1
      counts[min(max(index - 1, 0), counts.count - 1)] += 1
    }
    self.counts = counts
  }

  var figure: ReportPage.Figure {
    ReportPage.Figure(
      name: "tightness",
      caption:
        "Images by d/r, the distance d of the nearest adversarial image found over the certified "
        + "radius r: at 1 or below the certificate is broken, just above it could not be larger. "
        + "\(Shown.count(values.count)) images.",
      characters: [ReportPage.Code(TightnessHistogram(values).text)], drawing: drawing,
      table: ReportPage.Table(
        caption: "Images by d/r", columns: ["d/r", "images"],
        rows: zip(counts, zip(edges, edges.dropFirst())).map {
          ReportPage.Row("\(Self.text($1.0)) – \(Self.text($1.1))", ["\($0)"])
        }),
      numbers: CSVTable(
        "tightness",
        [
          CSVTable.Column("above", .ratio, "d/r, this value excluded"),
          CSVTable.Column("to", .ratio, "d/r, this value included"),
          CSVTable.Column("images", .count, "in the class"),
        ],
        zip(counts, zip(edges, edges.dropFirst())).map { ["\($1.0)", "\($1.1)", "\($0)"] }))
  }

  private static func text(_ edge: Double) -> String { Shown.number(edge, digits: 4) }

  private func place(_ value: Double) -> Double {
    let scaled: (Double) -> Double = { isLogarithmic ? log($0) : $0 }
    guard let first = edges.first, let last = edges.last else { return 0 }
    return (scaled(value) - scaled(first)) / (scaled(last) - scaled(first))
  }

  private var drawing: String {
    let vertical = Axis([0, Double(counts.max() ?? 1) * 1.08])
    let ticks = vertical.ticks.filter { $0 == $0.rounded() }
    let plot = Plot(labels: ticks.map { Shown.count(Int($0)) })
    var body = ""
    for tick in ticks {
      body += plot.horizontalLine(at: vertical.place(tick), label: Shown.count(Int(tick)))
    }
    let step = isLogarithmic ? 4 : max(1, (edges.count + 5) / 6)
    let one = edges.firstIndex { abs($0 - 1) < 1e-9 } ?? 0
    for (index, edge) in edges.enumerated() where (index - one).isMultiple(of: step) {
      body += plot.tick(at: place(edge), label: Shown.number(edge, digits: 3))
    }
    for (count, (low, high)) in zip(counts, zip(edges, edges.dropFirst())) where count > 0 {
      body += plot.bar(
        from: place(low), to: place(high), height: vertical.place(Double(count)),
        high < 1 + 1e-9 ? "failure" : "s0")
    }
    let median = values.quantile(0.5)
    body += plot.curve([(place(1), 0), (place(1), 1)], "failure")
    body += plot.curve([(place(median), 0), (place(median), 1)], "level")
    return plot.element(
      body + plot.axes("d/r" + (isLogarithmic ? " (logarithmic)" : ""), "images"),
      keys: [
        Plot.Key(name: "1: broken at or below", style: "failure"),
        Plot.Key(name: "median, \(Shown.number(median, digits: 4))", style: "level"),
      ], title: "Images by d/r",
      description: zip(counts, zip(edges, edges.dropFirst())).map {
        "\(Self.text($1.0)) to \(Self.text($1.1)): \($0)"
      }.joined(separator: "; "))
  }
}
