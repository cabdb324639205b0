import CPLAudit
import CPLProperties
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
      caption: "Distance of the nearest adversarial image found over the certified radius, a point "
        + "an image, in pixel units. A point on the lower line or below it is a broken certificate, "
        + "one just above it a certificate that cannot be larger.",
      characters: [], drawing: drawing, table: table)
  }

  /// The images in ten classes of the radius, equally many in each.
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
      caption: "Distances by classes of the radius",
      columns: ["radius", "images", "least distance", "median", "largest"], rows: rows)
  }

  private var drawing: String {
    let plot = Plot(width: 760, height: 400, left: 56, right: 190, top: 12, bottom: 48)
    let horizontal = Axis([0, largest.radius])
    let vertical = Axis([0, largest.distance])
    var body = plot.frame
    for tick in vertical.ticks {
      body += plot.horizontalLine(at: vertical.place(tick), label: Shown.number(tick, digits: 3))
    }
    for tick in horizontal.ticks {
      body += plot.tick(at: horizontal.place(tick), label: Shown.number(tick, digits: 3))
    }
    let lines = [("s2", 1.0, "distance = radius"), ("s1", 2.0, "twice the radius")]
    for (index, (style, slope, name)) in lines.enumerated() {
      let end = min(largest.radius, largest.distance / slope)
      body +=
        "<polyline class=\"curve \(style)\" points=\"\(plot.point(0, 0)) "
        + "\(plot.point(horizontal.place(end), vertical.place(slope * end)))\"/>\n"
      body += plot.key(index, name, style)
    }
    for (style, isBroken) in [("dots", false), ("dots broken", true)] {
      let points = pairs.filter { ($0.distance <= $0.radius) == isBroken }.map {
        (horizontal.place($0.radius), vertical.place($0.distance))
      }
      body += plot.dots(points, style: style)
    }
    body += plot.caption(below: "certified radius r")
    body += plot.caption(beside: "distance d")
    return plot.element(
      body, title: "Radius and adversarial distance",
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
          "Accuracy while training", xLabel: "epoch",
          yLabel: "share of the images that choose the best epoch",
          [CheckFigure.Curve("accuracy", x: numbers, y: epochs.map(\.selectionAccuracy))]),
        CheckFigure(
          "Learning rate", xLabel: "epoch", yLabel: "rate of the last step",
          [CheckFigure.Curve("learning rate", x: numbers, y: epochs.map(\.learningRate))]),
      ]
  }

  var figures: [ReportPage.Figure] {
    figuresOfEpochs.map {
      ReportPage.Figure(
        caption: $0.caption, characters: [], drawing: $0.drawing, table: $0.table)
    }
  }
}
