// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference
import CPLReports

/// The page of a study of quirks: what each, switched on alone, does to the figures.
struct QuirkPage {
  private let study: QuirkStudy
  private let records: [ReproductionRecord]
  private let notRun: [(name: String, reason: String)]

  init(
    _ study: QuirkStudy, _ records: [ReproductionRecord], notRun: [(name: String, reason: String)]
  ) {
    self.study = study
    let names = Set(study.group.runs.map(\.name))
    self.records = records.filter { names.contains($0.name) }
    self.notRun = notRun
  }

  /// The names under study, the pipeline without a quirk first.
  private var names: [String] {
    var names: [String] = []
    for run in study.group.runs {
      if let quirk = run.quirk, !names.contains(quirk) { names.append(quirk) }
    }
    return names
  }

  private func records(of name: String) -> [ReproductionRecord] {
    records.filter { $0.quirk == name }
  }

  var page: ReportPage {
    let first = records.first
    let epochs =
      first.map {
        "\($0.epochs) epochs"
          + ($0.epochs == $0.configuredEpochs ? "" : " of \($0.configuredEpochs)")
      } ?? "no run yet"
    return ReportPage(
      style: "plain",
      headline: "The published pipeline's quirks, each alone: \(study.group.name), \(epochs)",
      sections: [method] + CertificateKind.standing.map(table)
        + [excluded, runs].compactMap { $0 })
  }

  private var method: ReportPage.Section {
    let seeds = Set(records.map(\.seed)).sorted().map { "\($0)" }.joined(separator: ", ")
    var section = ReportPage.Section(heading: "How it was measured")
    section.paragraphs = [
      "One quirk at a time is switched on in an otherwise corrected pipeline. Quirks of training "
        + "train weights of their own, from the same seeds; quirks of judging judge the weights of "
        + "the corrected pipeline. A figure is the mean over the seeds \(seeds); in parentheses is "
        + "its difference to the corrected pipeline in percentage points, the mean of the "
        + "differences seed by seed, ± their standard deviation (divisor n − 1). A difference below "
        + "that deviation may be chance."
    ]
    section.items = Quirk.all.map { "\($0.name): \($0.summary)." }
    if let first = records.first {
      section.paragraphs.append(
        "\(first.testImages) test images of \(first.dataset); weights fitted to "
          + "\(first.trainingImages.map { "\($0)" } ?? "an unknown number of") images in "
          + "\(first.epochs) epochs"
          + (first.epochs == first.configuredEpochs
            ? "." : " (configured: \(first.configuredEpochs)): \(first.epochsReason ?? "")."))
    }
    return section
  }

  /// One kind of certificate: a row a quirk.
  private func table(_ kind: CertificateKind) -> ReportPage.Section {
    typealias Value = (ReproductionRecord) -> Double?
    let values: [Value] =
      [{ $0.accuracy }] + Epsilon.published.map { epsilon in { $0.certified(kind, epsilon) } }
    let baseline = records(of: QuirkStudy.baseline)
    func cell(_ records: [ReproductionRecord], _ value: Value, isBaseline: Bool) -> String {
      guard let mean = Spread(records.compactMap(value))?.mean else { return "not run" }
      if isBaseline { return Shown.spread(Spread(records.compactMap(value))) }
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
          caption: "Each quirk's effect, certificates of the kind \(kind)",
          columns: ["quirk", "clean"] + Epsilon.published.map { "ε = \($0)" },
          rows: names.map { name in
            ReportPage.Row(
              name,
              values.map { cell(records(of: name), $0, isBaseline: name == QuirkStudy.baseline) })
          })
      ])
  }

  private var excluded: ReportPage.Section? {
    guard !study.excluded.isEmpty || !notRun.isEmpty else { return nil }
    return ReportPage.Section(
      heading: "Not measured",
      items: study.excluded.map { "\($0.quirk), alone: \($0.reason)." }
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
