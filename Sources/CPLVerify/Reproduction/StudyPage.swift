// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference
import CPLReports

/// The page of a study: what each variant does to the figures.
struct StudyPage {
  private let study: Study
  private let records: [ReproductionRecord]
  private let notRun: [(name: String, reason: String)]

  init(
    _ study: Study, _ records: [ReproductionRecord], notRun: [(name: String, reason: String)]
  ) {
    self.study = study
    let names = Set(study.group.runs.map(\.name))
    self.records = records.filter { names.contains($0.name) }
    self.notRun = notRun
  }

  private func records(of name: String) -> [ReproductionRecord] {
    records.filter { $0.variant == name }
  }

  var page: ReportPage {
    let first = records.first
    let epochs =
      sameEpochs == nil
      ? "as many epochs as fit into the same time"
      : first.map {
        "\($0.epochs) epochs"
          + ($0.epochs == $0.configuredEpochs ? "" : " of \($0.configuredEpochs)")
      } ?? "no run yet"
    return ReportPage(
      style: "plain",
      headline: "\(study.title): \(study.group.name), \(epochs)",
      sections: [method] + [drawing].compactMap { $0 } + kinds.map(table)
        + [published, training, excluded, runs].compactMap { $0 })
  }

  /// The epochs of all runs, 0 before there is one; nil where they differ.
  private var sameEpochs: Int? {
    let epochs = Set(records.map(\.epochs))
    return epochs.count > 1 ? nil : epochs.first ?? 0
  }

  private var method: ReportPage.Section {
    let seeds = Set(records.map(\.seed)).sorted().map { "\($0)" }.joined(separator: ", ")
    var section = ReportPage.Section(heading: "How it was measured")
    section.paragraphs = [
      study.method + " A figure is the mean over the seeds \(seeds)"
        + (study.baseline.map {
          "; in parentheses is its difference to '\($0)' in percentage points, the mean of the differences seed by "
            + "seed, ± their standard deviation (divisor n − 1). A difference below that deviation may be chance."
        } ?? ", ± their standard deviation (divisor n − 1).")
    ]
    section.items = study.items
    if let first = records.first {
      let fitted =
        "\(first.testImages) test images of \(first.dataset); weights fitted to "
        + "\(first.trainingImages.map { "\($0)" } ?? "an unknown number of") images in "
      let scaled =
        first.epochs == first.configuredEpochs
        ? "." : " (configured: \(first.configuredEpochs)): \(first.epochsReason ?? "")."
      section.paragraphs.append(
        sameEpochs == nil
          ? fitted
            + "as many epochs as fit into the same time, with a schedule of that length; of '"
            + "\(first.variant ?? first.name)' \(first.epochs)" + scaled
          : fitted + "\(first.epochs) epochs" + scaled)
    }
    return section
  }

  /// The kinds of certificates that there are; all before anything was run.
  private var kinds: [CertificateKind] {
    let found = CertificateKind.standing.filter { kind in
      records.contains { $0.certifiedAccuracy[kind.rawValue] != nil }
    }
    return found.isEmpty ? CertificateKind.standing : found
  }

  /// One kind of certificate: a row a variant.
  private func table(_ kind: CertificateKind) -> ReportPage.Section {
    typealias Value = (ReproductionRecord) -> Double?
    let values: [Value] =
      [{ $0.accuracy }] + Epsilon.published.map { epsilon in { $0.certified(kind, epsilon) } }
    let baseline = study.baseline.map(records)
    func cell(_ name: String, _ value: Value) -> String {
      let records = records(of: name)
      let all = Spread(records.compactMap(value))
      guard let mean = all?.mean else { return records.isEmpty ? "not run" : Shown.none }
      guard let baseline, name != study.baseline else { return Shown.spread(all) }
      let differences = records.compactMap { record -> Double? in
        guard let other = baseline.first(where: { $0.seed == record.seed }),
          let own = value(record), let base = value(other)
        else { return nil }
        return own - base
      }
      guard let spread = Spread(differences) else { return Shown.percent(mean) }
      let deviation =
        spread.standardDeviation.map { " ± \(Shown.number($0 * 100, digits: 2))" } ?? ""
      return "\(Shown.percent(mean)) (\(Shown.points(spread.mean))\(deviation))"
    }
    return ReportPage.Section(
      heading: "Certified accuracy, \(kind)",
      tables: [
        ReportPage.Table(
          caption: "\(study.title), certificates of the kind \(kind)",
          columns: [study.subject, "clean"] + Epsilon.published.map { "ε = \($0)" },
          rows: study.variants.map { name in
            ReportPage.Row(name, values.map { cell(name, $0) })
          })
      ])
  }

  /// Clean and certified accuracy over the variants; nothing where a study compares with a baseline.
  private var drawing: ReportPage.Section? {
    let names = study.variants.filter { !records(of: $0).isEmpty }
    guard study.baseline == nil, names.count > 1, let kind = kinds.last else { return nil }
    func curve(_ name: String, _ value: (ReproductionRecord) -> Double?) -> VariantFigure.Curve {
      VariantFigure.Curve(
        name,
        names.map { variant in
          Spread(records(of: variant).compactMap(value)).map { ($0.mean, $0.standardDeviation) }
        })
    }
    let certified = Epsilon.published.prefix(3).map { epsilon in
      curve("certified (\(kind)) at \(epsilon)") { $0.certified(kind, epsilon) }
    }
    return ReportPage.Section(
      heading: "In one figure",
      figures: [
        VariantFigure(
          title: "Clean and certified accuracy by \(study.subject)", subject: study.subject,
          variants: names,
          curves: [curve("clean", \.accuracy)] + certified
        ).figure
      ])
  }

  private var published: ReportPage.Section? {
    guard let published = study.published else { return nil }
    return ReportPage.Section(
      heading: "As published", paragraphs: [published.source + "."],
      tables: [
        ReportPage.Table(
          caption: "Published certified accuracy",
          columns: [study.subject, "clean"] + Epsilon.published.prefix(3).map { "ε = \($0)" },
          rows: published.rows.map { row in
            ReportPage.Row(row.variant, row.perCent.map { Shown.percent($0 / 100) })
          })
      ])
  }

  /// What variants that train differ in besides; nothing where a study is of judging.
  private var training: ReportPage.Section? {
    guard study.baseline == nil, !records.isEmpty else { return nil }
    func mean(_ records: [ReproductionRecord], _ value: (ReproductionRecord) -> Double?) -> String {
      Shown.number(Spread(records.compactMap(value))?.mean, digits: 4)
    }
    return ReportPage.Section(
      heading: "Training, bounds and attacks",
      paragraphs: [
        "Images a second and memory: of training, measured on its first steps on the machine and with the threads that the "
          + "results name. Loss: the mean of the last epoch. L̄: the largest proved bound of the Lipschitz constant before "
          + "the head. Slack: the largest relative width of an enclosure of a layer's norm. Broken: "
          + "certificates within which an image of another class was found; d/r: its median distance over the radius."
      ],
      tables: [
        ReportPage.Table(
          caption: "\(study.title), training, bounds and attacks",
          columns: [
            study.subject, "parameters", "epochs", "images/s", "memory", "loss", "L̄", "slack",
            "attacked",
            "broken",
            "median d/r",
          ],
          rows: study.variants.map { name in
            let records = records(of: name)
            let audits = records.compactMap(\.audit)
            return ReportPage.Row(
              name,
              [
                records.first?.parameters.map(Shown.count) ?? Shown.none,
                records.first.map { "\($0.epochs)" } ?? Shown.none,
                mean(records, \.trainingImagesPerSecond),
                records.compactMap(\.trainingMemoryBytes).max().map(Shown.bytes) ?? Shown.none,
                mean(records, \.trainingLoss),
                Shown.upper(records.compactMap(\.lipschitzUpperBound).max()),
                Shown.number(records.compactMap(\.boundSlack).max(), digits: 2),
                audits.isEmpty ? Shown.none : Shown.count(audits.reduce(0) { $0 + $1.certified }),
                audits.isEmpty ? Shown.none : Shown.count(audits.reduce(0) { $0 + $1.violations }),
                mean(records) { $0.audit?.tightness },
              ])
          })
      ])
  }

  private var excluded: ReportPage.Section? {
    guard !study.excluded.isEmpty || !notRun.isEmpty else { return nil }
    return ReportPage.Section(
      heading: "Not measured",
      items: study.excluded.map { "\($0.variant), alone: \($0.reason)." }
        + notRun.map { "\($0.name): \($0.reason)." })
  }

  private var runs: ReportPage.Section? {
    guard !records.isEmpty else { return nil }
    return ReportPage.Section(
      heading: "Runs", items: records.flatMap(\.noticeLines),
      tables: [
        ReportPage.Table(
          caption: "Runs and digests",
          columns: ["run", "L ≤", "configuration", "weights", "results", "commit"],
          rows: records.map { record in
            ReportPage.Row(
              record.name,
              [
                Shown.upper(record.lipschitzUpperBound), Shown.digest(record.digests.configuration),
                Shown.digest(record.digests.weights), Shown.digest(record.digests.results),
                Shown.commit(record.commit),
              ])
          })
      ])
  }
}
