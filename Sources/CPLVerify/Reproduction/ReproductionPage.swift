// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference
import CPLReports

/// The tables of a reproduction: the paper's figures, ours, and the difference.
struct ReproductionPage {
  /// Runs that differ by their seeds alone.
  private struct Series {
    let records: [ReproductionRecord]
    var first: ReproductionRecord { records[0] }

    var epochs: String {
      first.epochs == first.configuredEpochs
        ? "\(first.epochs)" : "\(first.epochs) of \(first.configuredEpochs)"
    }

    func spread(_ value: (ReproductionRecord) -> Double?) -> Spread? {
      Spread(records.compactMap(value))
    }
  }

  private let records: [ReproductionRecord]
  private let notRun: [(name: String, reason: String)]

  /// - Parameters:
  ///   - records: of all runs, in any order; those of studies are left out.
  ///   - notRun: what was asked for and left out, and why.
  init(_ records: [ReproductionRecord], notRun: [(name: String, reason: String)]) {
    self.records = records.filter { $0.variant == nil }
      .sorted { ($0.dataset, $0.name, $0.seed) < ($1.dataset, $1.name, $1.seed) }
    self.notRun = notRun
  }

  var sections: [ReportPage.Section] {
    var sections = Set(records.map(\.dataset)).sorted().map(comparison)
    if !records.isEmpty { sections.append(runs) }
    if !notRun.isEmpty {
      sections.append(
        ReportPage.Section(
          heading: "Not run",
          tables: [
            ReportPage.Table(
              caption: "What was asked for and not run", columns: ["run", "why"],
              rows: notRun.map { ReportPage.Row($0.name, [$0.reason]) })
          ]))
    }
    return sections
  }

  private func series(_ dataset: String) -> [Series] {
    struct Key: Hashable {
      let experiment, profile: String
      let epochs, configured, images: Int
      let training: Int?
    }
    var order: [Key] = []
    var groups: [Key: [ReproductionRecord]] = [:]
    for record in records where record.dataset == dataset {
      let key = Key(
        experiment: record.experiment, profile: record.profile, epochs: record.epochs,
        configured: record.configuredEpochs, images: record.testImages,
        training: record.trainingImages)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(record)
    }
    return order.compactMap { groups[$0].map(Series.init) }
  }

  /// The paper's rows beside ours, of one data set.
  private func comparison(_ dataset: String) -> ReportPage.Section {
    let series = series(dataset)
    let papers = PublishedResult.all.filter { $0.dataset == dataset }
    let epsilons = Array(Epsilon.published.prefix(3))
    var rows: [ReportPage.Row] = []
    func add(_ series: Series, beside paper: PublishedResult?) {
      for kind in CertificateKind.standing {
        let clean = series.spread(\.accuracy)
        let certified = epsilons.map { epsilon in series.spread { $0.certified(kind, epsilon) } }
        let name = "\(series.first.experiment), \(series.first.profile)"
        rows.append(
          ReportPage.Row(
            "\(name), certified (\(kind))",
            ["ours", series.epochs, "\(series.records.count)"]
              + ([clean] + certified).map(Shown.spread)))
        guard let paper, kind != .lipschitz else { continue }
        let published = [paper.accuracy] + epsilons.map { paper.certifiedAccuracy[$0] ?? .nan }
        rows.append(
          ReportPage.Row(
            "\(name), certified (\(kind))",
            ["difference", "", ""]
              + zip([clean] + certified, published).map { Shown.points($0?.mean, minus: $1) }))
      }
    }
    for paper in papers {
      rows.append(
        ReportPage.Row(
          "\(paper.model) (\(paper.source))",
          ["paper", "200", ""]
            + ([paper.accuracy] + epsilons.map { paper.certifiedAccuracy[$0] }).map {
              Shown.percent($0)
            }))
      let own = series.filter { $0.first.paperName == paper.model }
      for series in own { add(series, beside: paper) }
      if own.isEmpty {
        rows.append(
          ReportPage.Row(paper.model, ["ours", "not run", ""] + epsilons.map { _ in "" } + [""]))
      }
    }
    for series in series where !papers.contains(where: { $0.model == series.first.paperName }) {
      add(series, beside: nil)
    }
    var section = ReportPage.Section(heading: "Results on \(dataset)")
    let counts = Set(series.map(\.first.testImages)).sorted().map { "\($0)" }
    section.paragraphs = [
      "Clean and certified accuracy, over \(counts.joined(separator: " or ")) test images; the mean "
        + "of the runs, ± their standard deviation (divisor n − 1). A difference is ours minus the "
        + "paper's, in percentage points. The paper's own certificates are of the kind "
        + "'published', which proves nothing; 'sound' is proved, rounding included."
    ]
    let scaled = series.filter { $0.first.epochs != $0.first.configuredEpochs }
    section.items = scaled.map {
      "\($0.first.experiment): \($0.first.epochs) epochs instead of \($0.first.configuredEpochs), "
        + "and the learning rate's schedule scaled to that length: \($0.first.epochsReason ?? "")."
    }
    if papers.contains(where: { $0.source == .recalled }) {
      section.items.append(
        "'recalled': from memory of the paper, not looked up in it; 'quoted': as later papers quote "
          + "it.")
    }
    section.tables = [
      ReportPage.Table(
        caption: "Paper and ours",
        columns: ["network", "result", "epochs", "runs", "clean"] + epsilons.map { "ε = \($0)" },
        rows: rows)
    ]
    return section
  }

  /// Every run with the digests by which its numbers can be traced.
  private var runs: ReportPage.Section {
    ReportPage.Section(
      heading: "Runs",
      paragraphs: [
        "The folder of a run holds its report, experiment.yml, from which 'train' makes the same "
          + "weights again, and reproduction.json with these digests in full."
      ], items: records.flatMap(\.noticeLines),
      tables: [
        ReportPage.Table(
          caption: "Runs and digests",
          columns: [
            "run", "seed", "epochs", "clean", "attacked", "broken", "median d/r", "weights",
            "results", "commit",
          ],
          rows: records.map { record in
            ReportPage.Row(
              record.name,
              [
                "\(record.seed)", "\(record.epochs)", Shown.percent(record.accuracy),
                record.audit.map { "\($0.certified) of \($0.attacked)" } ?? Shown.none,
                record.audit.map { "\($0.violations)" } ?? Shown.none,
                Shown.number(record.audit?.tightness, digits: 4),
                Shown.digest(record.digests.weights), Shown.digest(record.digests.results),
                Shown.commit(record.commit),
              ])
          })
      ])
  }
}

extension Shown {
  static func spread(_ spread: Spread?) -> String {
    guard let spread else { return none }
    guard let deviation = spread.standardDeviation else { return percent(spread.mean) }
    return "\(percent(spread.mean)) ± \(number(deviation * 100, digits: 2))"
  }
}
