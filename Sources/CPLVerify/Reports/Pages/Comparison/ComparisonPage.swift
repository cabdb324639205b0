// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension ReportComparison {
  /// How the differences were tested, in sentences.
  package static let method = [
    "Every image is compared with itself. Differences are the second results minus the first, with "
      + "intervals at a confidence of 95 %.",
    "Shares: the interval is Agresti and Min's for matched proportions (2005), p is of McNemar's "
      + "test, exact (binomial) for any number of images on which the two disagree.",
    "Means: the percentile interval of a paired bootstrap, \(PairedBootstrap.resamples) resamples "
      + "from seed \(0).",
    "Intervals and p speak of the choice of test images, not of the choice of seeds in training, and "
      + "are not adjusted for being many.",
  ]

  /// The differences for a terminal, a line each.
  package var lines: [String] {
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(1, width - text.count))
    }
    let header =
      padded("", 44) + padded("first", 10) + padded("second", 10) + "difference [95 %], McNemar's p"
    return [header]
      + shares.map { share in
        let pairs = share.pairs
        return padded(share.name, 44) + padded(Shown.percent(pairs.first), 10)
          + padded(Shown.percent(pairs.second), 10) + padded(Shown.points(pairs.difference), 8)
          + "[\(Shown.points(pairs.interval.lowerBound)), "
          + "\(Shown.points(pairs.interval.upperBound))], p = "
          + Shown.number(pairs.mcNemar, digits: 3)
      }
      + means.map { mean in
        let pairs = mean.pairs
        return padded(mean.name, 44) + padded(Shown.pixels(pairs.first), 10)
          + padded(Shown.pixels(pairs.second), 10)
          + padded(Shown.number(pairs.difference, digits: 4), 11)
          + "[\(Shown.number(pairs.interval.lowerBound, digits: 4)), "
          + "\(Shown.number(pairs.interval.upperBound, digits: 4))]"
          + (mean.leftOut == 0 ? "" : ", \(mean.leftOut) images left out")
      }
  }

  /// In one line, what the two came to, after what was judged if not the networks in the files.
  package var headline: String {
    let accuracy = shares[0].pairs
    return notices(areInHeadline: true).map { "\($0). " }.joined()
      + "Clean accuracy \(Shown.percent(accuracy.first)) and \(Shown.percent(accuracy.second)): "
      + "\(Shown.points(accuracy.difference)) points, over \(images) images"
  }

  /// What a reader must know beside the headline.
  package var furtherNotices: [String] { notices(areInHeadline: false) }

  private func notices(areInHeadline: Bool) -> [String] {
    [("first", notices.first), ("second", notices.second)].flatMap { name, notices in
      notices.filter { $0.kind.isHeadline == areInHeadline }.map { "\($0.line) (\(name) results)" }
    }
  }

  private func page(names: (first: String, second: String)) -> ReportPage {
    ReportPage(
      style: "plain", headline: headline, notices: furtherNotices,
      sections: [
        changes(names), results(Self.columns(names)),
        ReportPage.Section(heading: "Method", items: Self.method),
      ]
    )
  }

  /// What the two are called in tables: the files' names, their folders too where the names are the same.
  private static func columns(_ names: (first: String, second: String)) -> [String] {
    func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
    let short = [name(names.first), name(names.second)]
    return short[0] == short[1] ? [names.first, names.second] : short
  }

  private func changes(_ names: (first: String, second: String)) -> ReportPage.Section {
    var section = ReportPage.Section(heading: "What changed")
    section.tables = [
      ReportPage.Table(
        caption: "Recorded facts: \(names.first) and \(names.second)",
        columns: ["fact"] + Self.columns(names) + ["compared"],
        rows: facts.map {
          ReportPage.Row($0.name, [$0.first, $0.second, $0.changed ? "changed" : "the same"])
        })
    ]
    let lines =
      configuration.onlyFirst.map { "- \($0)" } + configuration.onlySecond.map { "+ \($0)" }
    if lines.isEmpty {
      section.paragraphs = ["No line of the configurations differs."]
    } else {
      section.paragraphs = [
        "Below the table: the lines of the configurations that only \(Self.columns(names)[0]) has (−) and "
          + "only \(Self.columns(names)[1]) has (+)."
      ]
      section.codes = [ReportPage.Code(lines.joined(separator: "\n"))]
    }
    return section
  }

  private func results(_ names: [String]) -> ReportPage.Section {
    ReportPage.Section(
      heading: "Results",
      paragraphs: [
        "A difference is \(names[1]) minus \(names[0]), and 95 % the interval in which it lies at that "
          + "confidence. 'only \(names[0])' is how many images that one alone has right (or certified), "
          + "'only \(names[1])' how many the other alone has; p is the probability of so one-sided a "
          + "disagreement if neither were better (McNemar's test)."
      ],
      tables: [
        ReportPage.Table(
          caption: "Shares of \(images) images; differences in percentage points",
          columns: [
            "share", names[0], names[1], "difference", "95 %", "only \(names[0])",
            "only \(names[1])",
            "p",
          ],
          rows: shares.map { share in
            ReportPage.Row(
              share.name,
              [
                Shown.percent(share.pairs.first), Shown.percent(share.pairs.second),
                Shown.points(share.pairs.difference),
                "\(Shown.points(share.pairs.interval.lowerBound)) to "
                  + Shown.points(share.pairs.interval.upperBound),
                "\(share.pairs.onlyFirst)", "\(share.pairs.onlySecond)",
                Shown.number(share.pairs.mcNemar, digits: 3),
              ])
          }),
        ReportPage.Table(
          caption: "Means over images, Euclidean (ℓ₂) lengths, pixel values in [0, 1]",
          columns: ["figure", names[0], names[1], "difference", "95 %", "images", "left out"],
          rows: means.map { mean in
            ReportPage.Row(
              mean.name,
              [
                Shown.pixels(mean.pairs.first), Shown.pixels(mean.pairs.second),
                Shown.number(mean.pairs.difference, digits: 4),
                "\(Shown.number(mean.pairs.interval.lowerBound, digits: 4)) to "
                  + Shown.number(mean.pairs.interval.upperBound, digits: 4),
                "\(mean.pairs.count)", "\(mean.leftOut)",
              ])
          }),
      ])
  }

  /// The comparison in Markdown.
  package func markdown(names: (first: String, second: String)) throws -> String {
    try ReportTemplate.render(page(names: names), with: MarkdownTemplate.page)
  }

  /// The comparison as an HTML page in one file.
  package func html(names: (first: String, second: String)) throws -> String {
    try ReportTemplate.render(page(names: names), with: HTMLTemplate.page)
  }

  /// The comparison as one JSON object: `headline`, `notices`, `facts`, `shares`, `means` and `method`.
  package func json() throws -> String { try VerificationReport.text(ComparisonDocument(self)) }
}

private struct ComparisonDocument: Encodable {
  struct FactDocument: Encodable {
    let name, first, second: String
    let changed: Bool
  }
  struct ShareDocument: Encodable {
    let name: String
    let first, second, difference: Double
    let interval: [Double]
    let onlyFirst, onlySecond: Int
    let mcnemarP: Double
  }
  struct MeanDocument: Encodable {
    let name: String
    let first, second, difference: Double
    let interval: [Double]
    let images, leftOut: Int
  }
  struct NoticesDocument: Encodable {
    let first, second: [Notice]
  }
  let headline: String
  let notices: NoticesDocument
  let images: Int
  let facts: [FactDocument]
  let configurationOnlyFirst: [String]
  let configurationOnlySecond: [String]
  let shares: [ShareDocument]
  let means: [MeanDocument]
  let method = ReportComparison.method

  init(_ comparison: ReportComparison) {
    headline = comparison.headline
    notices = NoticesDocument(first: comparison.notices.first, second: comparison.notices.second)
    images = comparison.images
    facts = comparison.facts.map {
      FactDocument(name: $0.name, first: $0.first, second: $0.second, changed: $0.changed)
    }
    configurationOnlyFirst = comparison.configuration.onlyFirst
    configurationOnlySecond = comparison.configuration.onlySecond
    shares = comparison.shares.map {
      ShareDocument(
        name: $0.name, first: $0.pairs.first, second: $0.pairs.second,
        difference: $0.pairs.difference,
        interval: [$0.pairs.interval.lowerBound, $0.pairs.interval.upperBound],
        onlyFirst: $0.pairs.onlyFirst, onlySecond: $0.pairs.onlySecond, mcnemarP: $0.pairs.mcNemar)
    }
    means = comparison.means.map {
      MeanDocument(
        name: $0.name, first: $0.pairs.first, second: $0.pairs.second,
        difference: $0.pairs.difference,
        interval: [$0.pairs.interval.lowerBound, $0.pairs.interval.upperBound],
        images: $0.pairs.count, leftOut: $0.leftOut)
    }
  }
}
