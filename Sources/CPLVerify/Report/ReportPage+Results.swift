import CPLReference

extension ReportPage {
  /// How many violations a page lists, and how many it shows; the file of results holds all.
  private static let listed = 100
  private static let pictured = 12

  static func violations(_ report: VerificationReport, results: String) -> Section? {
    guard let audit = report.audit, !audit.violations.isEmpty else { return nil }
    let weights = report.provenance.weights ?? "WEIGHTS"
    let paths = ReportSchema.counterexamples(audit)
    let shown = zip(audit.violations, paths).prefix(listed)
    var section = Section(heading: "Violations")
    section.paragraphs = [
      "An image of another class lies within the certified radius of each of these images. The "
        + "file of results holds both images under the path given, and the command shows the "
        + "certificate break again."
    ]
    if audit.violations.count > listed {
      section.paragraphs.append("The first \(listed) of \(audit.violations.count):")
    }
    section.tables = [
      Table(
        caption: "Broken certificates",
        columns: [
          "image", "label", "prediction", "radius", "distance", "attack", "cause", "images at",
        ],
        rows: shown.map { violation, path in
          Row(
            "\(violation.index)",
            [
              "\(violation.label)", "\(violation.prediction)", Shown.exact(violation.radius),
              Shown.exact(violation.distance), violation.attack, violation.cause.rawValue, path,
            ])
        })
    ]
    section.figures = audit.violations.prefix(pictured).compactMap { violation in
      guard
        let pictures = CounterexamplePictures(violation, imageShape: report.model?.imageShape)
      else { return nil }
      return Figure(
        caption: "Image \(violation.index): original, adversarial, and their difference "
          + "\(Shown.number(pictures.magnification, digits: 3)) times larger around grey",
        characters: [], drawing: pictures.drawing)
    }
    section.codes = [
      Code(
        shown.map { violation, _ in
          Provenance.replayCommand(
            weights: weights, profile: report.provenance.profile, results: results,
            index: violation.index)
        }.joined(separator: "\n"))
    ]
    return section
  }

  static func accuracy(_ report: VerificationReport) -> Section? {
    guard let summary = report.accuracies else { return nil }
    let published = PublishedResult.matching(
      dataset: report.provenance.data.name, model: report.model)
    let epsilons = Set(
      summary.epsilons + (published.map { Array($0.certifiedAccuracy.keys) } ?? [])
    )
    .sorted()
    func row(_ head: String, _ clean: Double?, _ shares: [Epsilon: Double]) -> Row {
      Row(head, [Shown.percent(clean)] + epsilons.map { Shown.percent(shares[$0]) })
    }
    var rows = CertificateKind.allCases.compactMap { kind in
      summary.certifiedAccuracy[kind].map {
        row("this run, certified (\(kind))", summary.accuracy, $0)
      }
    }
    if rows.isEmpty { rows.append(row("this run", summary.accuracy, [:])) }
    if !summary.pgdAccuracy.isEmpty {
      rows.append(row("this run, under the paper's PGD", summary.accuracy, summary.pgdAccuracy))
    }
    if !summary.autoattackAccuracy.isEmpty {
      rows.append(row("this run, under AutoAttack", summary.accuracy, summary.autoattackAccuracy))
    }
    var section = Section(heading: "Accuracy")
    section.paragraphs = ["Over \(summary.images) images; ε in pixel units, Euclidean norm."]
    if let published {
      rows.append(
        row(
          "paper, \(published.model), certified (\(published.source))", published.accuracy,
          published.certifiedAccuracy))
      section.paragraphs.append(
        "The paper's figures are over all 10000 test images. "
          + (published.source == .recalled
            ? "'recalled': from memory of the paper, not looked up in it."
            : "'quoted': as later papers quote them."))
    } else {
      section.paragraphs.append("The paper has no row for this data set and size.")
    }
    section.tables = [
      Table(
        caption: "Accuracy and certified accuracy",
        columns: ["", "clean"] + epsilons.map { "ε = \($0)" }, rows: rows)
    ]
    if let curve = CertifiedAccuracyCurve(report, published: published) {
      section.figures = [curve.figure]
    }
    return section
  }

  static func training(_ report: VerificationReport) -> Section? {
    guard let last = report.training.last,
      let best = report.training.max(by: { $0.selectionAccuracy < $1.selectionAccuracy })
    else { return nil }
    return Section(
      heading: "Training",
      paragraphs: [
        "\(report.training.count) epochs. Last: epoch \(last.epoch), loss "
          + "\(Shown.number(last.loss, digits: 6)), accuracy on the images that choose the best "
          + "epoch \(Shown.percent(last.selectionAccuracy)). Best: epoch \(best.epoch), "
          + "\(Shown.percent(best.selectionAccuracy))."
      ], figures: TrainingCurves(report.training).figures)
  }

  static func bounds(_ report: VerificationReport) -> Section? {
    guard let bounds = report.bounds else { return nil }
    let lower = report.lipschitzLowerBound.map { ", and at least \(Shown.exact($0))" } ?? ""
    let slack =
      report.lipschitzLowerBound.map {
        " The slack of the network's bound, upper over lower side, is "
          + "\(Shown.number(bounds.lipschitzUpperBound / $0, digits: 4)); the published pipeline "
          + "would claim \(Shown.number(bounds.modelClaim, digits: 9))."
      } ?? ""
    return Section(
      heading: "Bounds",
      paragraphs: [
        "Before its head the network's Lipschitz constant is at most "
          + "\(Shown.exact(bounds.lipschitzUpperBound))\(lower). Bounds are proved, "
          + "rounding included; σ̂ is the model's own estimate of ‖W‖₂ and proves nothing.\(slack)"
      ],
      tables: [
        Table(
          caption: "Bounds of each layer",
          columns: [
            "layer", "kind", "‖W‖₂ ≥", "σ̂, stored u", "σ̂, fresh u", "‖W‖₂ ≤", "proved by", "h",
            "Lipschitz ≤",
          ],
          rows: bounds.layers.map { layer in
            Row(
              layer.name,
              [
                layer.kind, Shown.exact(layer.spectralNorm?.lowerBound),
                Shown.number(layer.modelEstimate), Shown.number(layer.freshEstimate),
                Shown.exact(layer.spectralNorm?.upperBound),
                layer.spectralNorm?.method.rawValue ?? Shown.none,
                layer.stepSize.map { "\($0)" } ?? Shown.none,
                Shown.exact(layer.lipschitzUpperBound),
              ])
          })
      ],
      figures: EnclosureFigure(bounds, lipschitzLowerBound: report.lipschitzLowerBound).map {
        [
          Figure(
            caption: "Enclosures of each layer; a red point is an estimate above the proved bound",
            characters: [], drawing: $0.drawing,
            table: $0.table)
        ]
      } ?? [])
  }

  static func tightness(_ report: VerificationReport) -> Section? {
    guard let audit = report.audit, let distribution = Distribution(audit.tightness) else {
      return nil
    }
    let histogram = TightnessHistogram(audit.tightness)
    return Section(
      heading: "Tightness",
      paragraphs: [
        "d/r, the distance of the nearest adversarial image found over the certified radius, for "
          + "\(audit.tightness.count) images: 1 would be a certificate that cannot be larger, and "
          + "below 1 a broken one. Minimum \(Shown.exact(distribution.min)), median "
          + "\(Shown.pixels(distribution.median)), maximum \(Shown.pixels(distribution.max))."
      ],
      figures: [
        Figure(
          caption: "Images by d/r", characters: [Code(histogram.text)],
          drawing: histogram.drawing, table: histogram.table)
      ] + (DistanceFigure(audit).map { [$0.figure] } ?? []))
  }

  static func attacks(_ report: VerificationReport) -> Section? {
    guard !report.attacks.isEmpty else { return nil }
    return Section(
      heading: "Attacks",
      tables: [
        Table(
          caption: "What each attack came to",
          columns: [
            "attack", "ε", "images", "clean accuracy", "accuracy under attack", "least distance",
            "median", "largest", "passes",
          ],
          rows: report.attacks.sorted { $0.key < $1.key }.map { name, record in
            Row(
              name,
              [
                record.epsilon?.description ?? Shown.none, "\(record.count)",
                Shown.percent(record.cleanAccuracy), Shown.percent(record.robustAccuracy),
                Shown.pixels(record.foundDistances?.min),
                Shown.pixels(record.foundDistances?.median),
                Shown.pixels(record.foundDistances?.max), "\(record.passes)",
              ])
          })
      ])
  }

  static func again(_ report: VerificationReport) -> Section {
    let provenance = report.provenance
    let digests = [
      ("results", report.contentDigest), ("weights", provenance.weightsDigest),
      ("data", provenance.data.digest), ("configuration", provenance.configurationDigest),
    ]
    return Section(
      heading: "To make it again",
      paragraphs: [
        "The last of the commands below makes these results"
          + (provenance.trainingCommand == nil ? "; " : ", the first the weights; ")
          + "the same digest of the results is promised for the same weights and data on one BLAS "
          + "core and kernel level. The complete configuration of the training stands below, where "
          + "it is known."
      ],
      tables: [
        Table(
          caption: "SHA-256 digests", columns: ["of", "digest"],
          rows: digests.map { Row($0.0, [$0.1 ?? Shown.missing]) })
      ],
      codes: [
        provenance.trainingCommand, provenance.command ?? "(the command is missing)",
        provenance.configuration,
      ].compactMap { $0.map(Code.init) })
  }
}
