// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

extension Leaderboard {
  /// A column of every table: its name, and its cell for people.
  private struct Column {
    let name: String
    /// The certificates that it is of.
    var kind: CertificateKind?
    let cell: (LeaderboardEntry) -> String
  }

  /// In one line, over what it is.
  package var headline: String {
    let best = entries.first.flatMap { entry in
      common.flatMap { kind in
        entry.certified(kind, Epsilon.published[0]).map {
          ": \(entry.name) has the largest certified accuracy, \(Shown.percent($0.share)) at "
            + "\(Epsilon.published[0]) (\(kind))"
        }
      }
    }
    let images = "\(Shown.count(entries.first?.images ?? 0)) images"
    return
      (entries.count == 1
      ? "1 network on \(images)" : "\(entries.count) networks on the same \(images)")
      + (best ?? "")
  }

  /// - Parameters:
  ///   - kinds: whose certified accuracies are shown.
  ///   - share: how a share is shown.
  private func columns(
    _ kinds: [CertificateKind], share: @escaping (ObservedShare?) -> String
  ) -> [Column] {
    let certified = kinds.flatMap { kind in
      LeaderboardEntry.epsilons.map { epsilon in
        Column(name: "\(kind)\(kind.isProved ? "" : ", no proof,") \(epsilon)", kind: kind) {
          share($0.certified(kind, epsilon))
        }
      }
    }
    return [
      Column(name: "network") { $0.network ?? Shown.none },
      Column(name: "parameters") { $0.parameters.map(Shown.count) ?? Shown.none },
      Column(name: "epochs × images") { entry in
        entry.epochs.map { epochs in
          "\(epochs)" + (entry.trainingImages.map { " × \(Shown.count($0))" } ?? "")
        } ?? Shown.none
      },
      Column(name: "clean") { share($0.clean) },
    ] + certified + [
      Column(name: "attacked \(Epsilon.published[0])") { share($0.attacked?.share) },
      Column(name: "L̄") { Shown.nearOne($0.lipschitzUpperBound, digits: 5) },
      Column(name: "slack") { Shown.number($0.slack, digits: 4) },
      Column(name: "d/r") { Shown.number($0.tightness?.median, digits: 4) },
      Column(name: "verdict") { $0.verdict?.words ?? "not attacked" },
    ]
  }

  private func table(_ columns: [Column]) -> ReportPage.Table {
    // Paper has room for one kind of certificates, the strongest that all have.
    let isLeftOut = { (column: Column) in column.kind != nil && column.kind != common }
    let kinds = kinds.filter { kind in columns.contains { $0.kind == kind && isLeftOut($0) } }
    return ReportPage.Table(
      caption: "Certified accuracy by kind and radius ε, and what else was measured.",
      columns: ["results"] + columns.map(\.name),
      rows: entries.map { entry in ReportPage.Row(entry.name, columns.map { $0.cell(entry) }) },
      isSortable: true,
      leftOutOnPaper: kinds.isEmpty
        ? nil
        : (
          columns.indices.filter { isLeftOut(columns[$0]) }.map { $0 + 1 },
          "On paper without the kinds \(kinds.map(\.rawValue).joined(separator: ", ")), which "
            + "leaderboard.csv has."
        ))
  }

  private var notices: [String] {
    entries.flatMap { entry in entry.notices.map { "\(entry.name): \($0.line)" } }
  }

  private func page(_ table: ReportPage.Table) -> ReportPage {
    ReportPage(
      style: "plain", headline: headline, notices: notices,
      sections: [
        ReportPage.Section(
          heading: "Leaderboard", paragraphs: [explanation], tables: [table],
          figures: [figure].compactMap(\.self)),
        ReportPage.Section(
          heading: "Results",
          tables: [
            ReportPage.Table(
              caption: "Where the rows come from", columns: ["results", "file", "digest"],
              rows: entries.map {
                ReportPage.Row($0.name, [$0.path, $0.contentDigest ?? Shown.missing])
              })
          ]),
      ])
  }

  private var explanation: String {
    "Every row is of the same images. clean: accuracy; certified accuracy by the kind of certificate and "
      + "the radius ε (ℓ₂, pixel values in [0, 1]), in parentheses the interval at 95 % (Wilson); published "
      + "certificates are no proof. attacked: empirical robust accuracy, an upper limit. L̄: the proved "
      + "bound of the Lipschitz constant before the head; slack: how many times the lower side that was "
      + "found; d/r: the median of distance over radius; epochs × images: of the training."
  }

  private var figure: ReportPage.Figure? {
    let curves = entries.compactMap(\.curve)
    guard let common, curves.count == entries.count, !curves.isEmpty else { return nil }
    let plot = Plot(height: 340)
    let groups = curves.distinct
    var body = ShareCurve.grid(plot)
    var keys: [Plot.Key] = []
    for (index, group) in groups.enumerated() {
      let style = "s\(index % FigureStyle.curves) k\(index / FigureStyle.curves % 4)"
      body += group[0].drawing(plot, style)
      keys.append(
        Plot.Key(name: group.map(\.name).joined(separator: ", "), style: style))
    }
    return ReportPage.Figure(
      name: "leaderboard",
      caption: "Certified accuracy (\(common)) by radius. Bars: 95 % (Wilson)."
        + curves.coincidences,
      drawing: plot.element(
        body + ShareCurve.axes(plot, "certified accuracy (\(common))"), keys: keys,
        title: "Certified accuracy of each network",
        description: "Certified accuracy by radius, a curve a network."), table: curves.table,
      numbers: curves.numbers(named: "leaderboard"))
  }

  /// The table for a terminal: its header and its rows.
  package var rows: (header: [String], rows: [[String]]) {
    let columns = columns(commonKinds) { Shown.percent($0?.share) }
    return (
      ["results"] + columns.map(\.name),
      entries.map { entry in [entry.name] + columns.map { $0.cell(entry) } }
    )
  }

  private var commonKinds: [CertificateKind] { common.map { [$0] } ?? [] }

  /// The page, with all kinds of certificates.
  package func html() throws -> String {
    try ReportTemplate.render(
      page(table(columns(kinds, share: Shown.estimate))), with: HTMLTemplate.page)
  }

  /// The table in Markdown, with the strongest certificates that all have.
  package func markdown() throws -> String {
    try ReportTemplate.render(
      page(table(columns(commonKinds, share: Shown.estimate))), with: MarkdownTemplate.page)
  }

  /// The table in LaTeX, for the package booktabs, as wide as a column of text: accuracies, and the median of d/r, where
  /// there are any. Everything else is in CSV.
  package func latex() -> String {
    func percent(_ share: ObservedShare?) -> String {
      share.map { Shown.fixed($0.share * 100) } ?? Shown.none
    }
    let certified = commonKinds.flatMap { kind in
      LeaderboardEntry.epsilons.map { epsilon in
        Column(name: "\(epsilon)", kind: kind) { percent($0.certified(kind, epsilon)) }
      }
    }
    let others: [(column: Column, meaning: String)] = [
      (
        Column(name: "attacked") { percent($0.attacked?.share) },
        "empirical robust accuracy at \(Epsilon.published[0]), an upper limit"
      ),
      (
        Column(name: "d/r") { Shown.number($0.tightness?.median, digits: 4) },
        "the median of the distance of the nearest adversarial image found over the certified radius"
      ),
    ].filter { other in entries.contains { other.column.cell($0) != Shown.none } }
    let columns = [Column(name: "clean") { percent($0.clean) }] + certified + others.map(\.column)
    let kind = common.map { "\($0)\($0.isProved ? "" : ", no proof")" }
    return LaTeXTable(
      table(columns),
      group: kind.map { ("certified (\($0))", 2..<2 + certified.count) },
      caption:
        "Clean and certified accuracy in per cent of \(Shown.count(entries.first?.images ?? 0)) test images, "
        + "by the radius ε (ℓ₂, pixel values in [0, 1])"
        + others.map { "; \($0.column.name): \($0.meaning)" }.joined() + "."
    ).text
  }

  /// The figure's files.
  package func figures() -> [(name: String, text: String)] { figure?.files ?? [] }

  /// All rows as one JSON object: `headline`, `images` and `results`.
  package func json() throws -> String {
    try VerificationReport.text(
      Document(
        headline: headline, images: entries.first?.images ?? 0, results: entries.map(Row.init)))
  }

  private struct Document: Encodable {
    let headline: String
    let images: Int
    let results: [Row]
  }

  private struct Row: Encodable {
    let results: String
    let network: String?
    let parameters, epochs, trainingImages: Int?
    let accuracy: Double?
    let certifiedAccuracy: [String: [String: Double]]
    let empiricalRobustAccuracy: Double?
    let lipschitzUpperBound, slack, tightnessMedian: Double?
    let verdict: String?
    let notices: [Notice]
    let digest: String?

    init(_ entry: LeaderboardEntry) {
      results = entry.path
      network = entry.network
      (parameters, epochs) = (entry.parameters, entry.epochs)
      trainingImages = entry.trainingImages
      accuracy = entry.clean?.share
      certifiedAccuracy = Dictionary(
        uniqueKeysWithValues: entry.certified.map { kind, shares in
          (
            kind.rawValue,
            Dictionary(
              shares.map { ($0.key.description, $0.value.share) }, uniquingKeysWith: { $1 })
          )
        })
      empiricalRobustAccuracy = entry.attacked?.share.share
      lipschitzUpperBound = entry.lipschitzUpperBound
      slack = entry.slack
      tightnessMedian = entry.tightness?.median
      verdict = entry.verdict?.rawValue
      notices = entry.notices
      digest = entry.contentDigest
    }
  }

  /// Every number, with all its digits.
  package func csv() -> String {
    typealias Column = CSVTable.Column
    let shares = kinds.flatMap { kind in LeaderboardEntry.epsilons.map { (kind, $0) } }
    func cells(_ share: ObservedShare?) -> [String] {
      share.map { ["\($0.share)", "\($0.interval.lowerBound)", "\($0.interval.upperBound)"] }
        ?? ["", "", ""]
    }
    func columns(_ name: String) -> [Column] {
      ["", "_low", "_high"].map { Column(name + $0, .ratio, "the share, or its interval at 95 %") }
    }
    return CSVTable(
      "leaderboard",
      [
        Column("results", .text, ""), Column("network", .text, ""),
        Column("parameters", .count, ""), Column("epochs", .count, ""),
        Column("training_images", .count, ""), Column("images", .count, ""),
      ] + columns("accuracy")
        + shares.flatMap { columns("certified_accuracy.\($0.0)[\($0.1)]") }
        + columns("empirical_robust_accuracy[\(Epsilon.published[0])]")
        + [
          Column("attack", .text, ""), Column("lipschitz_upper_bound", .ratio, ""),
          Column("slack", .ratio, ""), Column("tightness_median", .ratio, ""),
          Column("verdict", .text, ""), Column("digest", .text, ""),
        ],
      entries.map { entry in
        [entry.path, entry.network ?? ""]
          + [entry.parameters, entry.epochs, entry.trainingImages, entry.images].map {
            $0.map { "\($0)" } ?? ""
          }
          + cells(entry.clean) + shares.flatMap { cells(entry.certified($0.0, $0.1)) }
          + cells(entry.attacked?.share)
          + [entry.attacked?.attack ?? ""]
          + [entry.lipschitzUpperBound, entry.slack, entry.tightness?.median].map {
            $0.map { "\($0)" } ?? ""
          }
          + [entry.verdict?.rawValue ?? "", entry.contentDigest ?? ""]
      }
    ).text
  }
}
