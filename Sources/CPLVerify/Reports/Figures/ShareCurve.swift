// SPDX-License-Identifier: Apache-2.0

import CPLCertificates

/// A share of images as a function of the radius.
struct ShareCurve {
  let name: String
  /// How many images, at each of `epsilons`.
  private let hits: [Int]
  /// Of how many.
  private let count: Int

  /// Every 255th part of 1, so that the radii that people report are among them.
  private static let steps = 255
  static let epsilons = (0...steps).map { Double($0) / Double(steps) }
  /// Curves that differ by less at every radius would be drawn over each other.
  fileprivate static let visible = 0.005

  /// The share, among `count` images, of numbers above each radius.
  init(_ name: String, _ numbers: [Double], of count: Int) {
    let sorted = numbers.sorted()
    var below = 0
    self.name = name
    hits = Self.epsilons.map { epsilon in
      while below < sorted.count, sorted[below] <= epsilon { below += 1 }
      return sorted.count - below
    }
    self.count = count
  }

  /// The share classified correctly and certified.
  init(_ name: String, _ table: CertificateTable, _ kind: CertificateKind) {
    let radii = zip(table.radii[kind] ?? [], zip(table.predictions(of: kind), table.labels))
      .filter { $1.0 == $1.1 }.map(\.0)
    self.init(name, radii, of: table.count)
  }

  func share(_ index: Int) -> Double { Double(hits[index]) / Double(count) }

  var points: [(x: Double, y: Double)] {
    Self.epsilons.indices.map { (Self.epsilons[$0], share($0)) }
  }

  /// The share at one of `epsilons`.
  fileprivate func observed(_ index: Int) -> ObservedShare? {
    ObservedShare(hits: hits[index], of: count)
  }

  /// The share at a radius that is nearly one of `epsilons`.
  func observed(at epsilon: Double) -> ObservedShare? {
    let index = Int((epsilon * Double(Self.steps)).rounded())
    return hits.indices.contains(index) ? observed(index) : nil
  }

  /// The curve, with bars at the paper's radii for where its shares lie at 95 %.
  func drawing(_ plot: Plot, _ style: String) -> String {
    plot.curve(points, style)
      + Epsilon.published.map(\.value).compactMap { epsilon in
        observed(at: epsilon).map { plot.whisker(at: epsilon, $0.interval, style) }
      }.joined()
  }

  /// The lines and values that such curves are read by.
  static func grid(_ plot: Plot) -> String {
    [0, 0.25, 0.5, 0.75, 1].map {
      plot.horizontalLine(at: $0, label: "\(Int($0 * 100)) %")
    }.joined()
      + (Array(stride(from: 0, through: 216, by: 36)) + [steps]).map {
        plot.tick(at: Double($0) / Double(steps), label: "\($0)")
      }.joined()
  }

  static func axes(_ plot: Plot, _ share: String = "share of the images") -> String {
    plot.axes("radius ε in 1/255 (ℓ₂, pixel values in [0, 1])", share)
  }
}

extension [ShareCurve] {
  /// The curves that can be told apart, each with those that lie on it.
  var distinct: [[ShareCurve]] {
    reduce(into: []) { groups, curve in
      if let index = groups.firstIndex(where: {
        [$0[0], curve].largestDifference < ShareCurve.visible
      }) {
        groups[index].append(curve)
      } else {
        groups.append([curve])
      }
    }
  }

  /// By how much they differ at most, at any radius.
  var largestDifference: Double {
    ShareCurve.epsilons.indices.map { index in
      let shares = map { $0.share(index) }
      return (shares.max() ?? 0) - (shares.min() ?? 0)
    }.max() ?? 0
  }

  /// What a caption says of curves that are drawn as one.
  var coincidences: String {
    distinct.filter { $0.count > 1 }.map { group in
      let difference = group.largestDifference
      let names = group.map(\.name).joined(separator: ", ")
      return difference == 0
        ? " \(names) coincide."
        : " \(names) are drawn as one curve: they differ by at most "
          + "\(Shown.upper(difference * 100, digits: 2)) percentage points."
    }.joined()
  }

  /// Their shares at every 36th of 255.
  var table: ReportPage.Table {
    ReportPage.Table(
      caption: "Shares by radius, in parentheses 95 % (Wilson)", columns: ["ε"] + map(\.name),
      rows: stride(from: 0, to: ShareCurve.epsilons.count, by: 36).map { step in
        ReportPage.Row(
          step == 0 ? "0" : "\(step)/255", map { Shown.estimate($0.observed(step)) })
      })
  }

  /// All their shares.
  func numbers(named name: String) -> CSVTable {
    CSVTable(
      name,
      [CSVTable.Column("epsilon", .pixels, "the radius")]
        + flatMap { curve in
          [("", "the share"), (" low", "95 % (Wilson), from"), (" high", "to")].map {
            CSVTable.Column(curve.name + $0.0, .ratio, $0.1)
          }
        },
      ShareCurve.epsilons.indices.map { index in
        ["\(ShareCurve.epsilons[index])"]
          + flatMap { curve in
            curve.observed(index).map {
              ["\($0.share)", "\($0.interval.lowerBound)", "\($0.interval.upperBound)"]
            } ?? ["", "", ""]
          }
      })
  }
}
