// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import Foundation

extension CheckFigure {
  /// What the figure shows, in one line.
  package var caption: String { "\(title): \(yLabel), by \(xLabel)" }

  /// The most points of a curve that a table shows.
  private static let shownPoints = 40

  /// The points of the curves; of long ones, some at equal steps.
  private func table(_ text: (Double) -> String) -> ReportPage.Table {
    let rows = curves.flatMap { curve in
      let points = Array(zip(curve.x, curve.y))
      let step = max(1, (points.count - 1 + Self.shownPoints - 1) / Self.shownPoints)
      let kept = points.indices.filter { $0 % step == 0 || $0 == points.count - 1 }
      return kept.map {
        ReportPage.Row(
          curve.name,
          [Shown.number(points[$0].0, digits: 6), text(points[$0].1)])
      }
    }
    return ReportPage.Table(caption: caption, columns: ["curve", xLabel, yLabel], rows: rows)
  }

  /// An `svg` element, its colours by the page's style: the curves over axes that begin at 0, or at
  /// the least value where one is negative. Points that are not finite are left out.
  package var drawing: String { drawing { Shown.number($0, digits: 3) } }

  private func drawing(_ text: (Double) -> String) -> String {
    let points = curves.map { curve in
      zip(curve.x, curve.y).filter { $0.isFinite && $1.isFinite }
    }
    let horizontal = Axis(points.joined().map(\.0))
    let vertical = Axis(points.joined().map(\.1), clearance: Axis.clear)
    let plot = Plot(labels: vertical.ticks.map(text))
    var body = ""
    for tick in vertical.ticks {
      body += plot.horizontalLine(at: vertical.place(tick), label: text(tick))
    }
    for tick in horizontal.ticks {
      body += plot.tick(at: horizontal.place(tick), label: Shown.number(tick, digits: 3))
    }
    for (index, points) in points.enumerated() {
      body += plot.curve(
        points.map { (horizontal.place($0), vertical.place($1)) },
        "s\(index % FigureStyle.curves)")
    }
    let keys = curves.enumerated().map { index, curve in
      Plot.Key(name: curve.name, style: "s\(index % FigureStyle.curves)")
    }
    return plot.element(
      body + plot.axes(xLabel, yLabel), keys: keys.count > 1 ? keys : [], title: title,
      description: caption)
  }

  /// The figure on a page; `name` is that of its files.
  ///
  /// - Parameter isShare: whether its values are shares, to be shown in per cent.
  func figure(named name: String, isShare: Bool = false) -> ReportPage.Figure {
    ReportPage.Figure(
      name: name, caption: caption,
      drawing: drawing { isShare ? Shown.wholePercent($0) : Shown.number($0, digits: 3) },
      table: table { isShare ? Shown.percent($0) : Shown.number($0, digits: 6) },
      numbers: CSVTable(
        name,
        [
          CSVTable.Column("curve", .text, "its name"), CSVTable.Column("x", .ratio, xLabel),
          CSVTable.Column("y", .ratio, yLabel),
        ],
        curves.flatMap { curve in zip(curve.x, curve.y).map { [curve.name, "\($0)", "\($1)"] } }))
  }
}

/// The range of an axis and the round numbers on it.
struct Axis {
  let lowest: Double
  let highest: Double

  /// What keeps the largest value off the frame.
  static let clear = 0.04

  /// From 0, or the least value where it is negative, to the largest; from 0 to 1 where that is no
  /// range.
  ///
  /// - Parameter clearance: what the range goes on beyond the largest value, relative to it.
  init(_ values: [Double], clearance: Double = 0) {
    let lowest = min(0, values.min() ?? 0)
    let highest = values.max() ?? 0
    let range = highest - lowest
    (self.lowest, self.highest) =
      range > 0 && range.isFinite ? (lowest, highest + clearance * range) : (0, 1 + clearance)
  }

  /// Where a value lies, from 0 to 1; at an end where it lies beyond it.
  func place(_ value: Double) -> Double {
    min(max((value - lowest) / (highest - lowest), 0), 1)
  }

  /// 1, 2 or 5 times a power of ten, so that three to seven of them make the range; 0 where there is none.
  var unit: Double {
    let length = highest - lowest
    let power = pow(10, floor(log10(length)))
    return power
      * (length / power < 1.5 ? 0.2 : length / power < 3.5 ? 0.5 : length / power < 7 ? 1 : 2)
  }

  /// The multiples of the unit in the range.
  var ticks: [Double] {
    let unit = unit
    guard unit > 0 else { return [] }
    return (0...8).map { (ceil(lowest / unit) + Double($0)) * unit }.filter { $0 <= highest }
  }
}
