// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import FoundationXML
import Testing

@Suite("A report in Markdown")
struct ReportMarkdownTests {
  @Test("the first line is the verdict")
  func verdict() throws {
    let holds = try ReportSample.full().markdown()
    #expect(holds.hasPrefix("# Proved and not broken: accuracy 66.67 %"))
    let violated = try ReportSample.full(violations: 1).markdown()
    #expect(violated.hasPrefix("# Broken: accuracy 66.67 %"))
    let empty = try VerificationReport(provenance: Provenance()).markdown()
    #expect(empty.hasPrefix("# Nothing was judged"))
  }

  @Test("an audit of what binary64 proves counts where binary32 differs")
  func binary32() throws {
    var report = VerificationReport(provenance: Provenance())
    report.audit = AuditResult(
      certificate: .sound, plan: [], images: [], violations: [], excessLayers: [])
    #expect(try report.markdown().contains("another class for 0 of the images"))
    #expect(try ReportSample.full().markdown().contains("network in real arithmetic. Evaluated in"))
    report.audit = AuditResult(
      certificate: .published, plan: [], images: [], violations: [], excessLayers: [])
    #expect(try !report.markdown().contains("Evaluated in binary32 instead"))
  }

  @Test("violations come with the command that replays each")
  func violations() throws {
    let text = try ReportSample.full(violations: 1).markdown(results: "my report.h5")
    #expect(
      text.contains(
        "cpl-verify audit run/last.h5 --profile corrected --replay 'my report.h5' --indices 7\n"))
    #expect(text.contains("/counterexamples/7 |"))
    #expect(try !ReportSample.full().markdown().contains("--replay"))
  }

  @Test("the card has every question, and what was not recorded is missing")
  func card() throws {
    let text = try VerificationReport(provenance: Provenance()).markdown()
    for question in [
      "Research type", "Pseudocode", "Open code", "Open data", "Data splits", "Hardware",
      "Software dependencies", "Experiment set-up", "Time", "Energy", "Digests", "Command",
    ] {
      #expect(text.contains("| \(question) |"))
    }
    #expect(text.contains("| Hardware | no | missing |"))
    #expect(text.contains("| Energy | – | missing |"))
    let full = try ReportSample.full().markdown()
    #expect(full.contains("CPU Some CPU, cores missing, memory 32.0 GiB, threads missing"))
    #expect(full.contains("commit 9f15308 with uncommitted changes"))
  }

  @Test("the paper's row stands beside a run of its size and data, and only there")
  func published() throws {
    var report = ReportSample.full()
    #expect(
      try report.markdown().contains(
        "| paper, CPL-S, certified (recalled) | 75.60 % | – | 62.30 % | 47.00 % | 32.20 % | – |"))
    report.provenance.data.name = "synthetic"
    #expect(try !report.markdown().contains("paper, CPL-S"))
    report.provenance.data.name = "cifar10"
    report.model?.channels = 44
    #expect(try !report.markdown().contains("paper, CPL"))
    report.model = nil
    #expect(try !report.markdown().contains("paper, CPL"))
  }

  @Test("tables keep their columns, and code its fence, whatever the texts hold")
  func hostile() throws {
    let text = try ReportSample.hostileReport().markdown()
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    var (columns, fence) = (0, "")
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if fence.isEmpty, line.hasPrefix("```") {
        fence = String(line.prefix { $0 == "`" })
      } else if line == fence {
        fence = ""
      } else if fence.isEmpty, line.hasPrefix("|") {
        let bars = line.replacing("\\|", with: "").count { $0 == "|" }
        if columns > 0 { #expect(bars == columns, "\(line)") }
        columns = bars
        #expect(!line.replacing("\\<", with: "").contains("<"))
      } else {
        columns = 0
      }
    }
    #expect(fence.isEmpty)
  }

  @Test("a proved bound is shown on its own side, and 1 with what exceeds it")
  func directedBounds() throws {
    let text = try ReportSample.full().markdown()
    #expect(text.contains("at most 1 + 2.3e-16, and at least 0.75"))
    #expect(text.contains("| 0.3 | 0.299 | 0.298 | 0.30000001 |"), "\(text)")
    #expect(text.contains("| 0.1 | 1 + 2.3e-16 |"))
  }

  @Test("d/r is shown by its ends, its middle and a histogram")
  func tightness() throws {
    let text = try ReportSample.full().markdown()
    #expect(text.contains("Minimum 2, median 2, maximum 2."))
    #expect(text.contains("1.78 – 2.05 │████████████████████████████████████████ 1\n"))
  }
}

@Suite("A report in JUnit's XML and in HTML")
struct ReportMarkupTests {
  /// The names and attributes of all elements of well-formed XML, and its text.
  private final class Elements: NSObject, XMLParserDelegate {
    private(set) var list: [(name: String, attributes: [String: String])] = []
    private(set) var text = ""

    init(_ xml: String) throws {
      super.init()
      let parser = XMLParser(data: Data(xml.utf8))
      parser.delegate = self
      try #require(parser.parse(), "\(String(describing: parser.parserError))")
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      list.append((name, attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }

    func named(_ name: String) -> [[String: String]] {
      list.filter { $0.name == name }.map(\.attributes)
    }
  }

  @Test("a test case for each layer, the network, the certificates and the accuracy")
  func cases() throws {
    let elements = try Elements(ReportSample.full().junit())
    #expect(elements.named("testsuite").count == 1)
    let suite = try #require(elements.named("testsuite").first)
    #expect(suite["tests"] == "5")
    #expect(suite["failures"] == "0")
    #expect(suite["skipped"] == "0")
    #expect(suite["time"] == "12.500")
    #expect(
      elements.named("testcase").map { $0["name"] } == [
        "layer normalize (normalize): bounds proved",
        "layer convolution.0 (convolution): bounds proved", "network: Lipschitz constant bounded",
        "lipschitz certificates are proved and not broken", "accuracy evaluated",
      ])
    #expect(elements.named("failure").isEmpty)
  }

  @Test("broken certificates are a failure with their number and the first of them")
  func failure() throws {
    let elements = try Elements(ReportSample.full(violations: 25).junit())
    #expect(elements.named("testsuite").first?["failures"] == "1")
    #expect(elements.named("failure").first?["message"] == "25 of 2 certificates are broken")
    #expect(elements.text.contains("image 7: class 1 certified to 0.1, changed at 0.09"))
    #expect(elements.text.contains("and 5 more"))
  }

  @Test("an audit that shows nothing is skipped, not passed")
  func skip() throws {
    var report = VerificationReport(provenance: Provenance())
    report.audit = AuditResult(
      certificate: .sound, plan: [], images: [], violations: [], excessLayers: [])
    let elements = try Elements(report.junit())
    #expect(elements.named("testsuite").first?["skipped"] == "1")
    #expect(elements.named("skipped").count == 1)
    let empty = try Elements(VerificationReport(provenance: Provenance()).junit())
    #expect(empty.named("testsuite").first?["tests"] == "0")
    #expect(empty.named("testcase").isEmpty)
  }

  @Test("texts of any kind are escaped")
  func hostile() throws {
    let junit = try Elements(ReportSample.hostileReport().junit())
    let visible = ReportSample.hostile.unicodeScalars.filter { $0.value >= 0x20 }
    let expected = String(String.UnicodeScalarView(visible))
    #expect(junit.named("testcase").first?["name"]?.contains(expected) == true)
    #expect(junit.named("property").first?["value"] == expected)
    let html = try ReportSample.hostileReport().html()
    let page = try Elements(html)
    #expect(page.named("script").count == 1)
    #expect(page.text.contains(expected))
    #expect(html.matches(of: /<script/).count == 1 && !html.contains("alert(\""))
  }

  @Test("the page says the verdict first, draws its figures, and loads nothing")
  func page() throws {
    let html = try ReportSample.full(violations: 1).html()
    let page = try Elements(html)
    #expect(page.named("h1").first?["class"] == "violated")
    #expect(page.named("svg").count == 7)
    #expect(page.named("svg").allSatisfy { $0["role"] == "img" && $0["aria-label"] != nil })
    #expect(page.named("table").count == page.named("caption").count)
    #expect(!html.contains("http://") && !html.contains("https://"))
    #expect(
      page.list.allSatisfy {
        $0.attributes["src"]?.hasPrefix("data:") ?? true
          && $0.attributes["href"]?.hasPrefix("#") ?? true
      })
    for report in [VerificationReport(provenance: Provenance()), ReportSample.full()] {
      _ = try Elements(report.html())
    }
  }

  /// A Python that has junitparser, as Jenkins' neighbours use it.
  private static let hasJunitparser = python("import junitparser", "").status == 0

  private static func python(_ script: String, _ input: String) -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, input]
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    guard (try? process.run()) != nil else { return (1, "no python3") }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  @Test(
    "junitparser reads the same numbers",
    .enabled(if: hasJunitparser, "needs python3 with junitparser"))
  func junitparser() throws {
    let script = """
      import sys, junitparser
      suite, = junitparser.JUnitXml.fromstring(sys.argv[1].encode())
      print(suite.tests, suite.failures, suite.skipped, sum(1 for case in suite))
      """
    let result = Self.python(script, try ReportSample.full(violations: 2).junit())
    #expect(result.output == "5 1 0 5\n")
  }
}
