// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference
import Foundation

/// How tightly each layer's ‖W‖₂ is enclosed, and how far below the proved upper bound σ̄ the model's
/// own estimate σ̂ lies, both relative to σ̄; in the last row the same of the whole network's
/// Lipschitz constant. The axis is logarithmic: the two differ by many orders of magnitude.
struct EnclosureFigure {
  private struct Row {
    let name: String
    /// (upper − lower)/upper.
    let width: Double?
    /// (σ̄ − σ̂)/σ̄; negative where the estimate exceeds the bound.
    let shortfall: Double?
  }

  private let rows: [Row]

  /// Gaps at or below this one are drawn at the axis.
  private static let leastExponent = -16.0

  /// Nil where no layer has an enclosure.
  init?(_ bounds: NetworkBounds, lipschitzLowerBound: Double?) {
    func gap(_ lower: Double, below upper: Double) -> Double? {
      upper > 0 && upper.isFinite && lower.isFinite ? (upper - lower) / upper : nil
    }
    var rows = bounds.layers.compactMap { layer in
      layer.spectralNorm.map { norm in
        Row(
          name: String(
            layer.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }),
          width: gap(norm.lowerBound, below: norm.upperBound),
          shortfall: layer.modelEstimate.flatMap { gap($0, below: norm.upperBound) })
      }
    }
    guard !rows.isEmpty else { return nil }
    if let lower = lipschitzLowerBound {
      rows.append(
        Row(
          name: "network", width: gap(lower, below: bounds.lipschitzUpperBound),
          shortfall: gap(bounds.modelClaim, below: bounds.lipschitzUpperBound)))
    }
    self.rows = rows
  }

  var figure: ReportPage.Figure {
    ReportPage.Figure(
      name: "enclosures",
      caption:
        "How narrowly each layer's norm is enclosed, and how far σ̂, the model's own estimate, "
        + "lies below the proved bound. A red point is an estimate above it, which nothing but the "
        + "rounding of binary32 may put there ('verify' checks that in power.lower-bound). No proved "
        + "bound rests on an estimate.",
      drawing: drawing, table: table,
      numbers: CSVTable(
        "enclosures",
        [
          CSVTable.Column("layer", .text, "its name"),
          CSVTable.Column("width", .ratio, "(upper − lower)/upper of its norm's proved bounds"),
          CSVTable.Column("shortfall", .ratio, "(upper − σ̂)/upper; negative: σ̂ exceeds the bound"),
        ], rows.map { [$0.name] + [$0.width, $0.shortfall].map { $0.map { "\($0)" } ?? "" } }))
  }

  private var table: ReportPage.Table {
    ReportPage.Table(
      caption: "Relative to the proved upper bound",
      columns: ["layer", "width of the enclosure", "σ̂ below the bound by"],
      rows: rows.map { ReportPage.Row($0.name, [Self.text($0.width), Self.text($0.shortfall)]) })
  }

  /// An `svg` element, its colours by the page's style.
  private var drawing: String {
    let plot = Plot(
      height: Double(rows.count) * 19 + 64, labels: rows.map(\.name), isTitled: false, right: 18)
    var body = ""
    for exponent in stride(from: Self.leastExponent, through: 0, by: 4) {
      body += plot.tick(
        at: 1 + exponent / -Self.leastExponent,
        label: exponent == 0 ? "1" : "1e−\(Int(-exponent))")
    }
    for (index, row) in rows.enumerated() {
      let middle = 1 - (Double(index) + 0.5) / Double(rows.count)
      body += plot.horizontalLine(at: middle, label: row.name)
      if let width = row.width {
        body += plot.horizontalBar(to: Self.position(width), at: middle, thickness: 8)
      }
      if let shortfall = row.shortfall {
        body += plot.marker(
          Self.position(shortfall.magnitude), middle,
          shortfall < 0 ? "fill failure" : "marker")
      }
    }
    return plot.element(
      body + plot.axes("gap relative to the upper bound (log)", ""),
      keys: [
        Plot.Key(name: "proved: width of the enclosure", style: "s0", form: .area),
        Plot.Key(name: "σ̂, the model's estimate", style: "marker", form: .point),
      ], title: "Enclosures of each layer",
      description: rows.map {
        "\($0.name): width \(Self.text($0.width)), σ̂ below by \(Self.text($0.shortfall))"
      }.joined(separator: "; "))
  }

  private static func position(_ gap: Double) -> Double {
    gap > 0 ? min(max(1 + log10(gap) / -leastExponent, 0), 1) : 0
  }

  private static func text(_ gap: Double?) -> String {
    gap.map { String(format: "%.1e", $0) } ?? "not known"
  }
}
