// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("A leaderboard")
struct LeaderboardTests {
  /// The sample with another accuracy, and certified accuracy at 36/255.
  private func report(
    _ certified: Double, kinds: [CertificateKind] = [.published, .sound]
  ) -> VerificationReport {
    var report = ReportSample.full()
    report.evaluation = EvaluationSummary(
      images: 100, accuracy: 0.75,
      certifiedAccuracy: Dictionary(
        uniqueKeysWithValues: kinds.map { ($0, [Epsilon.published[0]: certified]) }))
    return report
  }

  private var board: Leaderboard {
    get throws {
      try Leaderboard([
        ("runs/a/results.h5", report(0.5)), ("runs/b_1/results.h5", report(0.6)),
        ("runs/c/results.h5", report(0.4, kinds: [.published, .sound, .local])),
      ])
    }
  }

  @Test("the largest certified accuracy of the strongest kind that all have comes first")
  func order() throws {
    let board = try board
    #expect(board.rows.rows.map { $0[0] } == ["b_1", "a", "c"], "named by what tells them apart")
    #expect(board.headline.contains("3 networks") && board.headline.contains("b_1"))
    #expect(board.headline.contains("60.00 % at 36/255 (sound)"), "\(board.headline)")
    let sound = try #require(board.rows.header.firstIndex(of: "sound 36/255"))
    #expect(board.rows.rows.map { $0[sound] } == ["60.00 %", "50.00 %", "40.00 %"])
  }

  @Test("the page is sorted by a click and shows all kinds; Markdown shows what all have")
  func pages() throws {
    let html = try board.html()
    #expect(html.contains("<table class=\"sortable\">"))
    #expect(html.contains("local 36/255") && html.contains("40.00 % <span>(30.94–49.80)</span>"))
    // Proved kinds first, from the strongest; what is no proof last, and named so.
    let kinds = ["local 36/255", "sound 36/255", "published, no proof, 36/255"]
    let places = kinds.compactMap { html.range(of: $0)?.lowerBound }
    #expect(places.count == 3 && places == places.sorted())
    #expect(html.contains("<th scope=\"col\" class=\"screen\">local 36/255</th>"))
    #expect(html.contains("<th scope=\"col\">sound 36/255</th>"))
    #expect(html.contains("On paper without the kinds local, published, which"))
    let text = try board.markdown()
    #expect(!text.contains("local 36/255") && text.contains("| sound 36/255 |"))
  }

  @Test("LaTeX has the rules of booktabs and escapes names; CSV has every number")
  func files() throws {
    let latex = try board.latex()
    for part in [
      "\\toprule", "\\midrule", "\\bottomrule", "  b\\_1 & 75.00 & 60.00 &",
      "\\multicolumn{3}{c}{certified (sound)}", "% \\caption{Clean and",
    ] {
      #expect(latex.contains(part), "\(latex)")
    }
    #expect(latex.split(separator: "\n").filter { $0.hasSuffix("\\\\") }.count == 5)
    let rows = try board.csv().split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(rows.count == 4 && Set(rows.map(\.count)).count == 1)
    let column = try #require(rows[0].firstIndex(of: "certified_accuracy.sound[36/255]"))
    #expect(rows[1][column] == "0.6" && rows[1][column + 1].hasPrefix("0.50"))
    let (json, headline) = (try JSONValue(board.json()), try board.headline)
    #expect(json["results"]?.count == 3 && json["headline"] == .text(headline))
  }

  @Test("results on other images, and results without accuracies, are refused by name")
  func refused() throws {
    var elsewhere = report(0.5)
    elsewhere.provenance.data.digest = "other"
    let unjudged = VerificationReport(provenance: Provenance())
    for (report, message) in [
      (elsewhere, "a.h5 on 100 images, digest feedbeef and b.h5 on 100 images, digest other"),
      (unjudged, "none in b.h5"),
    ] {
      #expect {
        try Leaderboard([("a.h5", self.report(0.5)), ("b.h5", report)])
      } throws: { error in
        "\(error)".contains(message)
      }
    }
  }

  @Test("names and notices of any kind keep tables and pages whole")
  func hostile() throws {
    var report = report(0.5)
    report.provenance.configuration = "name: \(ReportSample.hostile)\n"
    report.model?.channels = 44
    let board = try Leaderboard([(ReportSample.hostile, report)])
    let html = try board.html()
    #expect(html.matches(of: /<script/).count == 1)
    #expect(!board.latex().contains("\u{1B}"))
    let tabs = board.latex().split(separator: "\n").filter {
      $0.hasSuffix("\\\\") && !$0.contains("\\multicolumn")
    }
    .map { $0.replacing("\\&", with: "").count { $0 == "&" } }
    #expect(Set(tabs).count == 1)
  }
}
