// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Verdicts in words")
struct VerdictTests {
  /// An audit of `published` certificates, which are no proof, with none broken.
  private func unproved(excess layers: [String] = ["convolution.0", "linear.2"])
    -> VerificationReport
  {
    var report = ReportSample.full()
    report.audit = ReportSample.audit(.published, excess: layers)
    report.bounds = NetworkBounds(layers: ReportSample.bounds.layers, lipschitzUpperBound: 1.5)
    return report
  }

  /// The first 20 of the images, as `--limit` chooses them, with nothing certified.
  private var uncertified: VerificationReport {
    var report = ReportSample.full()
    report.audit = AuditResult(
      certificate: .sound, plan: [], images: [ReportSample.image(9, radius: 0)], violations: [],
      excessLayers: [])
    return report
  }

  private var unfinished: VerificationReport {
    var report = ReportSample.full()
    report.audit = AuditResult(
      certificate: .sound, plan: ["minimum-norm"],
      images: [ReportSample.image(4, radius: 0.2), ReportSample.image(7, radius: 0.1, .none)],
      violations: [], excessLayers: [])
    return report
  }

  private var evaluated: VerificationReport {
    var report = ReportSample.full()
    report.audit = nil
    report.attacks = [:]
    return report
  }

  @Test("published certificates that no attack breaks are not proved, in every output")
  func unprovedEverywhere() throws {
    let report = unproved()
    #expect(report.verdict == .unproved)
    let first = try #require(report.markdown().split(separator: "\n").first)
    #expect(first.hasPrefix("# Not broken, not proved: "))
    #expect(first.contains("convolution.0, linear.2") && first.contains("1.5"), "\(first)")
    #expect(try report.html().contains("<h1 class=\"unproved\">Not broken, not proved"))
    let json = try JSONValue(report.json(.audit))
    #expect(json["verdict"] == .text("unproved"))
    #expect(json["unproved"] != .null && json["headline"] == .text(report.headline))
    #expect(
      try report.junit().contains("<failure type=\"unproved\" message=\"not broken, not proved"))
    let allowed = try report.junit(allowsUnproved: true)
    #expect(
      allowed.contains("<skipped message=\"not broken, not proved") && !allowed.contains("<failure")
    )
    #expect(unproved(excess: []).headline.contains("leave out the rounding"))
    // The proof is claimed nowhere.
    let text = try report.markdown()
    #expect(!text.contains("the proof is in the bounds") && !text.contains("Covered by published"))
    #expect(text.contains("| this run, certified (published, not proved) |"))
  }

  @Test("an unproved audit survives its file, and one of an earlier version that said it holds")
  func stored() throws {
    try withReportFolder { folder in
      try unproved().write(to: folder + "/a.h5")
      #expect(try VerificationReport(path: folder + "/a.h5").verdict == .unproved)
      #expect(try VerificationReport(path: folder + "/a.h5").headline == unproved().headline)
    }
  }

  @Test("the headline carries accuracies, their denominators and the shard")
  func denominators() {
    var report = ReportSample.full()
    report.provenance.data.available = 10_000
    report.provenance.data.shard = "1/2"
    report.evaluation?.certifiedAccuracy[.lipschitz]?[Epsilon.published[0]] = 1.0 / 3
    #expect(
      report.headline
        == "Proved and not broken, in shard 1 of 2: accuracy 66.67 %, certified 33.33 % at 36/255 "
        + "(lipschitz, 3 of 10,000 images); 2 of 10,000 images attacked, none of their certificates "
        + "broken")
    #expect(
      ReportSample.full(violations: 1).headline.hasSuffix(
        "2 of 3 images attacked, 1 of their certificates broken"))
    #expect(uncertified.headline.hasPrefix("Inconclusive: "))
    #expect(uncertified.headline.hasSuffix("so none was attacked"))
    #expect(unfinished.headline.contains("1 of 3 images attacked, none"))
    #expect(unfinished.headline.hasSuffix("when the budget ran out"))
  }

  @Test("what was done without an audit is said as such, in a neutral style")
  func withoutAudit() throws {
    #expect(evaluated.headline.hasPrefix("Evaluated: accuracy 66.67 %"))
    #expect(evaluated.headline.hasSuffix("no certificate was attacked"))
    var attacked = evaluated
    attacked.attacks = ["pgd": ReportSample.attack]
    #expect(attacked.headline.hasPrefix("Attacked: accuracy 66.67 %, 33.33 % under pgd at 36/255"))
    var bounded = VerificationReport(provenance: Provenance())
    bounded.bounds = ReportSample.bounds
    #expect(
      bounded.headline.hasPrefix("Bounded: the Lipschitz constant before the head is at most 1."))
    for report in [evaluated, attacked, bounded] {
      #expect(report.verdict == nil)
      #expect(try report.html().contains("<h1 class=\"plain\">"))
      #expect(try !report.markdown().contains("nconclusive"))
    }
  }

  @Test("no page says of broken certificates what is true of those that hold")
  func sentences() throws {
    let broken = try ReportSample.full(violations: 1).markdown()
    for sentence in [
      "That no attack breaks one", "the proof is in the bounds", "not within the radius",
      "lies between 1 and", "what is not known",
    ] {
      #expect(!broken.contains(sentence), "\(sentence)")
    }
    #expect(broken.contains("Nothing is covered until the fault is found"))
    let holds = try ReportSample.full().markdown()
    #expect(holds.contains("the proof is in the bounds"))
    #expect(!holds.contains("Nothing is covered until"))
    #expect(try uncertified.markdown().contains("No image carries a certificate"))
    let part = try unfinished.markdown()
    #expect(part.contains("among the 1 sound certificates that were attacked. The budget ran out"))
    #expect(!part.contains("each certified one attacked inside"))
  }

  @Test("a network that is not the one in the file is named before the verdict, and never green")
  func notices() throws {
    var report = ReportSample.full()
    report.provenance.notices = [
      Notice(
        .stepsReplaced,
        "steps replaced: not the network in the file (margins differ by up to 16 %)"),
      Notice(.assumption, "the mean is not stored: the data set's is taken"),
    ]
    let prefix =
      "Steps replaced: not the network in the file (margins differ by up to 16 %). Proved"
    let note = "On reading: the mean is not stored: the data set's is taken"
    let lines = try report.markdown().split(separator: "\n")
    #expect(lines[0].hasPrefix("# " + prefix) && lines[1] == "- " + note)
    let html = try report.html()
    #expect(html.contains("<h1 class=\"unproved\">\(prefix)"))
    #expect(html.contains("<li>On reading: the mean is not stored: the data set&#39;s is taken"))
    report.checks = []
    for section in [
      VerificationReport.Section.evaluate(requirements: []), .bounds, .certify, .audit,
      .attack("pgd"),
    ] {
      let json = try JSONValue(report.json(section))
      #expect(json["notices"]?.count == 2)
      #expect(json["notices"]?[0]?["kind"] == .text("steps_replaced"))
      #expect(json["headline"] == .text(report.headline))
    }
    #expect(try JSONValue(report.json())["notices"]?.count == 2)
    let junit = try report.junit()
    #expect(
      junit.contains(
        "<property name=\"notice.steps_replaced\" value=\"steps replaced: not the network"))
    #expect(junit.contains("<property name=\"headline\" value=\"Steps replaced"))
    #expect(try ReportSample.full().html().contains("<h1 class=\"holds\">Proved"))
    #expect(try JSONValue(ReportSample.full().json(.audit))["notices"] == .list([]))
    #expect(report.csv().first { $0.name == "summary" }?.text.contains("notice.assumption") == true)
  }

  @Test("counterexamples are pictures that the page's own policy lets through, with their classes")
  func counterexamples() throws {
    let html = try ReportSample.full(violations: 14).html()
    #expect(html.contains("img-src data:"))
    #expect(html.matches(of: /<img [^>]*src="data:image/).count == 36)
    #expect(html.contains("Pictures: 12 of 14 shown."))
    #expect(html.contains("Image 7 (automobile): automobile → cat, d = 0.09 within r = 0.1"))
    var other = ReportSample.full(violations: 1)
    other.provenance.data.name = "npy"
    #expect(try other.html().contains("Image 7 (class 1): class 1 → class 3"))
    #expect(try !ReportSample.full().html().contains("<img"))
    #expect(
      try withReportFolder { folder in
        try other.write(to: folder + "/a.h5")
        return try VerificationReport(path: folder + "/a.h5").audit?.violations[0]
          .adversarialPrediction
      } == 3)
  }

  @Test("names of classes are the data sets' own, and none are made up")
  func classNames() {
    #expect(DatasetDescriptor.named("cifar10")?.classNames[2] == "bird")
    #expect(DatasetDescriptor.named("cifar100")?.classes == 100)
    #expect(DatasetDescriptor.named("cifar100")?.classNames[99] == "worm")
    #expect(DatasetDescriptor.named("npy") == nil && DatasetDescriptor.named(nil) == nil)
  }

  @Test("a selection remembers how many images there were to choose from")
  func available() throws {
    let images = SyntheticImages.make(count: 30, seed: 0, split: .test)
    #expect(images.available == 30 && images.prefix(3).available == 30)
    #expect(try images.subset([4, 2]).prefix(1).available == 30)
  }
}

@Suite("Quantiles")
struct QuantileTests {
  @Test("the median of an even number is the mean of the middle two, and of infinities is one")
  func medians() {
    #expect([1, 2, 4, 8].quantile(0.5) == 3 && [1, 2, 4].quantile(0.5) == 2)
    #expect(Distribution([4, 1, 8, 2])?.median == 3)
    #expect([1, .infinity, .infinity].quantile(0.5) == .infinity)
    #expect([.infinity, .infinity].quantile(0.25) == .infinity)
    #expect([7.0].quantile(0.9) == 7 && [1, 2].quantile(1) == 2 && [1, 2].quantile(0) == 1)
    // numpy.quantile([0, 1, 3, 7], 0.9)
    #expect(abs([0, 1, 3, 7].quantile(0.9) - 5.8) < 1e-12)
  }
}

@Suite("A report in CSV")
struct ReportCSVTests {
  @Test("every table is there, and every column is explained with its unit")
  func columns() throws {
    let tables = ReportSample.full(violations: 1).csv()
    #expect(
      tables.map(\.name) == [
        "summary", "layers", "network", "accuracy", "certificates", "attacks",
        "attack-minimum-norm", "attack-pgd", "audit", "plan", "tightness", "violations", "training",
        "card", "columns",
      ])
    let explained = try #require(tables.last?.text.split(separator: "\n").dropFirst())
    let named = tables.dropLast().reduce(0) {
      $0 + ($1.text.split(separator: "\n").first?.split(separator: ",").count ?? 0)
    }
    #expect(explained.count == named)
    let radius = try #require(explained.first { $0.hasPrefix("audit.csv,radius,") })
    #expect(radius.contains("0: nothing is certified"))
    let distance = try #require(explained.first { $0.hasPrefix("audit.csv,distance,") })
    #expect(distance.contains("inf: none was found"))
    let audit = try #require(tables.first { $0.name == "audit" }?.text)
    #expect(audit.split(separator: "\n")[1].hasPrefix("4,1,1,0.2,inf,,plan,inf,1,"))
  }

  @Test("a hostile name makes a plain file name")
  func hostileNames() throws {
    for name in ReportSample.hostileReport().csv().map(\.name) {
      #expect(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.@".contains($0)) })
    }
  }
}

@Suite("Commands in provenance")
struct RecordedCommandTests {
  @Test("a command's words come back whatever is in them, and only the first command's")
  func words() {
    let words = ["cpl-verify", "audit", "it's a b.pt", "", "a\nb", "--mean", "0,0,-1", "\\'\"$x"]
    let line = Provenance.shellCommand(words)
    #expect(Provenance.firstCommand(in: line) == words)
    #expect(Provenance.firstCommand(in: line + "\n" + line) == words)
    #expect(Provenance.firstCommand(in: "").isEmpty)
  }
}
