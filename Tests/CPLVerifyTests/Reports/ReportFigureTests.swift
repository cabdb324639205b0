// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("A report's figures")
struct ReportFigureTests {
  /// An audit of so many images with radii and distances of all sizes, every hundredth broken.
  private func large(_ count: Int) -> VerificationReport {
    var random = CounterRandom(seed: 1, purpose: .test)
    let radii = (0..<count).map { _ in random.uniform() }
    let distances = radii.map { $0 * (1 + 2 * random.uniform()) + 1e-9 }
    var report = ReportSample.full()
    let labels = (0..<count).map { $0 % 10 }
    let predictions = labels.map { random.below(4) == 0 ? ($0 + 1) % 10 : $0 }
    report.certificates = CertificateTable(
      indices: Array(0..<count), labels: labels, predictions: predictions,
      binary64Predictions: predictions, margins: radii,
      radii: [.published: radii, .lipschitz: radii.map { $0 * 0.99 }, .sound: radii])
    report.audit = AuditResult(
      certificate: .sound, plan: ["minimum-norm"],
      images: (0..<count).map {
        AuditedImage(
          stored: $0, label: labels[$0], prediction: predictions[$0],
          binary32Prediction: predictions[$0], radius: radii[$0], distance: distances[$0],
          binary32OnlyDistance: .infinity, attack: "minimum-norm", forwardPasses: 1,
          backwardPasses: 1, extent: .plan)
      }, violations: [], excessLayers: [])
    return report
  }

  @Test("a counterexample is pictured as wide and as high as it is")
  func picture() throws {
    let shape: ImageShape = [1, 3, 5]
    let original = [Float](repeating: 0, count: 15)
    var adversarial = original
    // The last pixel of the first row.
    adversarial[4] = 1
    let violation = Violation(
      index: 0, label: 0, prediction: 0, adversarialPrediction: 1, radius: 2, distance: 1,
      attack: "pgd", cause: .certificate, original: original, adversarial: adversarial)
    let pictures = try #require(CounterexamplePictures(violation, imageShape: shape))
    let parts = pictures.drawing.split(separator: "base64,").dropFirst()
      .map { $0.prefix { $0 != "\"" } }
    #expect(parts.count == 3)
    let bitmap = Array(try #require(Data(base64Encoded: String(parts[1]))))
    #expect(bitmap[18..<26].elementsEqual([5, 0, 0, 0, 3, 0, 0, 0]), "width and height")
    // Rows of 15 bytes and one that fills them up, from the bottom up.
    #expect(bitmap.count == 54 + 3 * 16)
    let white = bitmap.indices.filter { $0 >= 54 && bitmap[$0] == 255 }
    // Behind the header and two rows, the fifth pixel of the last row that is written.
    let pixel = 54 + 2 * 16 + 4 * 3
    #expect(white == Array(pixel..<pixel + 3))
    #expect(CounterexamplePictures(violation, imageShape: [1, 4, 4]) == nil)
  }

  @Test("a page of 10,000 images is below 2 MB")
  func size() throws {
    let html = try large(10_000).html()
    #expect(html.utf8.count < 2_000_000)
    #expect(html.contains("<title>Radius and adversarial distance</title>"))
  }

  @Test("what the attacks left is drawn above what is certified, with the gap between them")
  func gap() throws {
    // The audit has three images of the right class, certified to 0.2, 0.1 and nothing; the second is
    // of another class at 0.2. The table of certificates has the third as wrong.
    let html = try ReportSample.full().html()
    #expect(html.contains("<polygon class=\"fill gap\""))
    #expect(html.contains(">empirical robust accuracy</text>"))
    #expect(html.contains(">not known: neither certified nor broken</text>"))
    let rows = try #require(
      ReportSample.full().figures().first { $0.name == "certified-accuracy.csv" }
    ).text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    func cells(_ row: Int) -> [String] { [1, 4, 7, 10].map { String(rows[row][$0].prefix(26)) } }
    #expect(
      cells(0) == [
        "published", "lipschitz", "lipschitz (audited images)", "empirical robust accuracy",
      ])
    #expect(cells(1) == ["\(2.0 / 3)", "\(2.0 / 3)", "\(2.0 / 3)", "1.0"])
    // At 51/255 = 0.2.
    #expect(cells(52) == ["\(2.0 / 3)", "0.0", "0.0", "\(2.0 / 3)"])
    var unattacked = ReportSample.full()
    unattacked.audit = nil
    #expect(try !unattacked.html().contains("class=\"fill gap\""))
  }

  @Test("curves that coincide are said to, and the command begins where nothing is done")
  func words() throws {
    var report = large(50)
    #expect(try report.html().contains(" published, sound coincide."))
    report.provenance.command = "cpl-verify audit a.h5 --resume --out 'b c.h5'"
    let html = try report.html()
    #expect(html.contains("<code>cpl-verify audit a.h5 --out &#39;b c.h5&#39;</code>"))
    #expect(!html.contains("--resume --out &#39;b c.h5&#39;</code>"))
    #expect(html.contains("50 of 50 certified and attacked images"))
  }

  @Test("every figure but pictures has its numbers in a table")
  func tables() throws {
    let html = try large(50).html()
    let figures = html.components(separatedBy: "<figure class").dropFirst()
    #expect(figures.count == 7)
    for figure in figures {
      let body = try #require(figure.components(separatedBy: "</figure>").first)
      #expect(body.contains("<details>") && body.contains("<table"), "\(body.prefix(200))")
      #expect(body.contains("<desc>") && body.contains("role=\"img\""))
    }
  }

  @Test("points below the diagonal stand out, and equal points are drawn once")
  func scatter() throws {
    var report = ReportSample.full(violations: 1)
    #expect(try report.html().contains("class=\"dots failure\" d=\"M"))
    report = ReportSample.full()
    #expect(try !report.html().contains("class=\"dots failure\""))
    let audit = try #require(report.audit)
    report.audit = AuditResult(
      certificate: .sound, plan: [], images: Array(repeating: audit.images[1], count: 100),
      violations: [], excessLayers: [])
    let dots = try #require(try report.html().components(separatedBy: "class=\"dots\" d=\"").last)
    #expect(dots.prefix { $0 != "\"" }.count { $0 == "M" } == 1)
  }

  @Test("a contents list leads to every section")
  func contents() throws {
    let html = try ReportSample.full(violations: 1).html()
    let anchors = html.matches(of: /<section id="([a-z0-9-]+)">/).map { String($0.1) }
    #expect(anchors.count == Set(anchors).count && anchors.contains("in-short"))
    #expect(html.matches(of: /<a href="#([a-z0-9-]+)">/).map { String($0.1) } == anchors)
  }

  @Test("the first section answers what readers ask")
  func summary() throws {
    let holds = try ReportSample.full().markdown()
    #expect(holds.contains("Is any certificate broken? None was found"))
    #expect(holds.contains("lies at 2 times the certified radius in the median"))
    let broken = try ReportSample.full(violations: 1).markdown()
    #expect(broken.contains("Is any certificate broken? Yes, 1 of the 2"))
  }

  @Test("planted faults are shown where selftest's results are given, and hostile ones escaped")
  func selftest() throws {
    let json = """
      {"faults": [{"id": "<a>", "statement": "s & t", "caught": false, "caught_by": ["x.y"],
      "named_checks": ["z"]}], "checks": ["x.y", "z"], "seeds": 2, "false_alarms": 1,
      "verdict": "violated"}
      """
    let summary = try SelftestSummary(json: json, path: "s.json")
    let html = try ReportSample.full().html(selftest: summary)
    #expect(html.contains("<h2>Planted faults</h2>") && html.contains("&lt;a&gt;"))
    #expect(html.contains("0 of 1 faults") && html.contains("NOT CAUGHT"))
    #expect(html.contains("class=\"mark another\""))
    #expect(throws: ReferenceError.self) { try SelftestSummary(json: "{}", path: "s.json") }
  }

  @Test("numbers stay on one line, and long words may break")
  func cells() throws {
    let html = try ReportSample.full().html()
    #expect(html.contains("<td class=\"number\">0.30000001</td>"))
    #expect(html.contains("<td class=\"number\">66.67 % <span>(20.77–93.85)</span></td>"))
    #expect(html.contains("<td class=\"number\">1 + 2.3e-16</td>"))
    #expect(html.contains("<td class=\"text\">convolution</td>"))
    #expect(html.matches(of: /<table class="(?!short"|sortable")/).isEmpty, "no verdict's colour")
    var report = ReportSample.full()
    report.provenance.weightsDigest = String(repeating: "a", count: 64)
    let digest = String(repeating: "a", count: 64)
    #expect(try report.html().contains("<td class=\"long\"><span>\(digest)</span></td>"))
    report.provenance.command = "cpl-verify audit somewhere/far/away/in/folders.h5"
    #expect(
      try report.html().contains("somewhere/<wbr/>far/<wbr/>away/<wbr/>in/<wbr/>folders.h5"))
  }
}
