// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLFindings
import CPLReference

/// For each attacked image its certified radius and the distance of the nearest adversarial image
/// that was found: on the diagonal and below it a certificate is broken.
struct DistanceFigure {
  private let pairs: [(radius: Double, distance: Double)]
  private let largest: (radius: Double, distance: Double)

  /// Nil where no adversarial image was found.
  init?(_ audit: AuditResult) {
    pairs = audit.images.filter { $0.tightness != nil }.map { ($0.radius, $0.distance) }
    guard let radius = pairs.map(\.radius).max(), let distance = pairs.map(\.distance).max(),
      radius.isFinite, distance > 0
    else { return nil }
    largest = (radius, distance)
  }

  var figure: ReportPage.Figure {
    ReportPage.Figure(
      name: "distances",
      caption:
        "Distance d of the nearest adversarial image found over the certified radius r, a point "
        + "an image. On the line d = r and below it a certificate is broken; just above it, it could "
        + "not be larger.",
      drawing: drawing, table: table,
      numbers: CSVTable(
        "distances",
        [
          CSVTable.Column("radius", .pixels, "the certified radius"),
          CSVTable.Column("distance", .pixels, "of the nearest adversarial image found"),
        ], pairs.map { ["\($0.radius)", "\($0.distance)"] }))
  }

  /// The images by deciles of the radius.
  private var table: ReportPage.Table {
    let sorted = pairs.sorted { ($0.radius, $0.distance) < ($1.radius, $1.distance) }
    let classes = min(10, sorted.count)
    let rows = (0..<classes).compactMap { position -> ReportPage.Row? in
      let part = sorted[
        position * sorted.count / classes..<(position + 1) * sorted.count / classes]
      guard let first = part.first, let last = part.last,
        let distances = Distribution(part.map(\.distance))
      else { return nil }
      return ReportPage.Row(
        "\(Shown.lower(first.radius, digits: 6)) to \(Shown.lower(last.radius, digits: 6))",
        [
          "\(part.count)", Shown.pixels(distances.min), Shown.pixels(distances.median),
          Shown.pixels(distances.max),
        ])
    }
    return ReportPage.Table(
      caption: "Distances by deciles of the radius",
      columns: ["radius", "images", "least distance", "median", "largest"], rows: rows)
  }

  private var drawing: String {
    let horizontal = Axis([0, largest.radius], clearance: Axis.clear)
    let vertical = Axis([0, largest.distance], clearance: Axis.clear)
    let plot = Plot(height: 340, labels: vertical.ticks.map { Shown.number($0, digits: 3) })
    func place(_ radius: Double, _ distance: Double) -> (x: Double, y: Double) {
      (horizontal.place(radius), vertical.place(distance))
    }
    /// The line of distances so many times the radius.
    func line(_ slope: Double) -> [(x: Double, y: Double)] {
      let end = min(horizontal.highest, vertical.highest / slope)
      return [place(0, 0), place(end, slope * end)]
    }
    let refuted = [place(0, 0), line(1)[1], (1, line(1)[1].y), (1, 0)]
    var body = plot.area(refuted, "refuted")
    for tick in vertical.ticks {
      body += plot.horizontalLine(at: vertical.place(tick), label: Shown.number(tick, digits: 3))
    }
    for tick in horizontal.ticks {
      body += plot.tick(at: horizontal.place(tick), label: Shown.number(tick, digits: 3))
    }
    let median = pairs.map { $0.distance / $0.radius }.sorted().quantile(0.5)
    body += plot.curve(line(1), "failure") + plot.curve(line(median), "level")
    for (style, isBroken) in [("dots", false), ("dots failure", true)] {
      let points = pairs.filter { ($0.distance <= $0.radius) == isBroken }.map {
        place($0.radius, $0.distance)
      }
      body += plot.dots(points, style: style)
    }
    return plot.element(
      body
        + plot.axes(
          "certified radius r (ℓ₂, pixel values in [0, 1])", "distance d (the same unit)"),
      keys: [
        Plot.Key(name: "d = r: broken on and below it", style: "failure"),
        Plot.Key(name: "d = \(Shown.number(median, digits: 4)) r, the median", style: "level"),
      ], title: "Radius and adversarial distance",
      description: "Distance over radius of \(pairs.count) images; "
        + "\(pairs.count { $0.distance <= $0.radius }) not above the diagonal.")
  }
}

/// The loss and the accuracy of a training, epoch by epoch.
struct TrainingCurves {
  private let figuresOfEpochs: [CheckFigure]

  init(_ epochs: [EpochRecord]) {
    let numbers = epochs.map { Double($0.epoch) }
    figuresOfEpochs =
      epochs.count < 2
      ? []
      : [
        CheckFigure(
          "Training loss", xLabel: "epoch", yLabel: "mean loss",
          [CheckFigure.Curve("loss", x: numbers, y: epochs.map(\.loss))]),
        CheckFigure(
          "Validation accuracy", xLabel: "epoch", yLabel: "share of the validation images",
          [CheckFigure.Curve("accuracy", x: numbers, y: epochs.map(\.selectionAccuracy))]),
        CheckFigure(
          "Learning rate", xLabel: "epoch", yLabel: "learning rate of the last step",
          [CheckFigure.Curve("learning rate", x: numbers, y: epochs.map(\.learningRate))]),
      ]
  }

  var figures: [ReportPage.Figure] {
    zip(figuresOfEpochs, ["training-loss", "validation-accuracy", "learning-rate"]).map {
      $0.figure(named: $1, isShare: $1 == "validation-accuracy")
    }
  }
}
