// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("What a reproduction writes")
struct ReproductionTextTests {
  private func run(seed: UInt64, epochs: Int? = nil) throws -> ReproductionRun {
    let model = ModelRecipe(
      convolutionLayers: 20, channels: 45, linearLayers: 7, linearInner: 2048)
    return try ReproductionRun(
      ExperimentConfiguration(
        name: "cpl-s", model: .recipe(model), training: TrainingConfiguration()),
      dataset: "cifar10", seed: seed, profile: .corrected, epochs: epochs)
  }

  private func record(
    seed: UInt64, accuracy: Double, certified: Double, epochs: Int = 13
  ) throws -> ReproductionRecord {
    var report = ReportSample.full()
    report.evaluation = EvaluationSummary(
      images: 10_000, accuracy: accuracy,
      certifiedAccuracy: [.published: [Epsilon.published[0]: certified]])
    return try ReproductionRecord(
      try run(seed: seed), report, epochs: epochs, epochsReason: "the budget was short",
      trainingDigest: "abcd")
  }

  private func readme(_ old: String? = nil, _ records: [ReproductionRecord]) throws -> String {
    try ReproductionText.readme(
      replacing: old, records: records, studies: ["x-quirks"],
      notRun: [("cpl-m-cifar10-seed0", "the budget of 2 h is used up")],
      command: "cpl-verify reproduce cpl-s")
  }

  @Test("the mean of the seeds, their spread and the difference to the paper stand in the table")
  func table() throws {
    // The paper: 75.6 % clean and 62.3 % at 36/255.
    let text = try readme(
      nil,
      [
        record(seed: 0, accuracy: 0.70, certified: 0.50),
        record(seed: 1, accuracy: 0.72, certified: 0.54),
      ])
    let network = "cpl-s, corrected, certified (published)"
    #expect(text.contains("| CPL-S (recalled) | paper | 200 |  | 75.60 % | 62.30 % |"))
    #expect(
      text.contains("| \(network) | ours | 13 of 200 | 2 | 71.00 % ± 1.4 | 52.00 % ± 2.8 |"),
      "\(text)")
    #expect(text.contains("| difference |  |  | −4.60 | −10.30 |"), "\(text)")
    #expect(text.contains("13 epochs instead of 200"))
    #expect(text.contains("the budget was short"))
    #expect(text.contains("| CPL-M | ours | not run |"))
    #expect(text.contains("the budget of 2 h is used up"))
  }

  @Test("runs of different lengths are not averaged")
  func lengths() throws {
    let text = try readme(
      nil,
      [
        record(seed: 0, accuracy: 0.7, certified: 0.5),
        record(seed: 1, accuracy: 0.8, certified: 0.5, epochs: 200),
      ])
    #expect(text.contains("| ours | 13 of 200 | 1 | 70.00 % | 50.00 % |"))
    #expect(text.contains("| ours | 200 | 1 | 80.00 % | 50.00 % |"))
  }

  @Test("what people wrote into the README stays, and writing again changes nothing")
  func marked() throws {
    let records = [try record(seed: 0, accuracy: 0.7, certified: 0.5)]
    let first = try readme("# Mine\n\nBefore.\n", records)
    #expect(first.hasPrefix("# Mine\n\nBefore.\n\n<!-- reproduce"))
    let second = try readme(first + "\nAfter.\n", records)
    #expect(second == first + "\nAfter.\n")
    #expect(try readme(nil, records).hasPrefix("# Reports\n"))
  }

  @Test("a record reads back as it was written, and other text is refused")
  func records() throws {
    let records = [try record(seed: .max, accuracy: 2.0 / 3, certified: 1.0 / 3)]
    let json = try ReproductionRecord.json(of: records)
    #expect(try ReproductionRecord.records(json: json, path: "x") == records)
    for text in ["", "{}", "[{}]", json.replacing("\"seed\"", with: "\"sead\"")] {
      #expect(throws: ReferenceError.self) {
        try ReproductionRecord.records(json: text, path: "x")
      }
    }
  }

  @Test("a study's page gives each quirk's difference seed by seed, and says what is missing")
  func study() throws {
    let study = try Study(
      .quirks, of: try run(seed: 0).experiment, dataset: "cifar10", seeds: [0, 1])
    // Clean accuracy of the corrected pipeline 0.5 and 0.6; under lr-offset 0.04 and 0.06 less.
    let records = try study.group.runs.compactMap { run -> ReproductionRecord? in
      var accuracy = run.experiment.training.seed == 0 ? 0.5 : 0.6
      switch run.variant {
      case "corrected": break
      case "lr-offset": accuracy -= run.experiment.training.seed == 0 ? 0.04 : 0.06
      default: return nil
      }
      var report = ReportSample.full()
      report.evaluation = EvaluationSummary(images: 100, accuracy: accuracy)
      return try ReproductionRecord(
        run, report, epochs: 200, epochsReason: nil, trainingDigest: nil)
    }
    let pages = try ReproductionText.pages(of: study, records, notRun: [("y", "no time")])
    #expect(pages.map(\.file) == ["report.html", "report.md"])
    let text = pages[1].text
    #expect(text.contains("| corrected | 55.00 % ± 7.1 |"), "\(text)")
    #expect(text.contains("| lr-offset | 50.00 % (−5.00 ± 1.4) |"), "\(text)")
    #expect(text.contains("| nan-tie | not run |"))
    #expect(text.contains("- mean-pool, alone: the network has no 'mean' head."))
    #expect(text.contains("- y: no time."))
  }

  @Test("a study of training sets variants side by side, with a figure, and says what is missing")
  func training() throws {
    let base = try run(seed: 0).experiment
    let study = try Study(.margin, of: base, dataset: "cifar10", seeds: [0, 1])
    let records = try study.group.runs.filter { $0.variant != "1.4" }.map { run in
      var report = ReportSample.full()
      report.provenance.cost.trainingImagesPerSecond = 1234.4
      report.provenance.cost.trainingMemoryBytes = 3 << 29
      report.evaluation = EvaluationSummary(
        images: 100, accuracy: run.experiment.training.seed == 0 ? 0.5 : 0.6,
        certifiedAccuracy: [.sound: [Epsilon.published[0]: 0.25]])
      return try ReproductionRecord(
        run, report, epochs: 200, epochsReason: nil, trainingDigest: nil)
    }
    let pages = try ReproductionText.pages(of: study, records, notRun: [])
    let text = pages[1].text
    #expect(text.contains("| 0.1 | 55.00 % ± 7.1 | 25.00 % ± 0 |"), "\(text)")
    #expect(text.contains("| 1.4 | not run | not run |"))
    #expect(text.contains("| m | parameters | epochs | images/s | memory | loss | L̄ | slack |"))
    #expect(text.contains("| 200 | 1234 | 1.5 GiB |"))
    #expect(!text.contains("As published"))
    #expect(pages[0].text.components(separatedBy: "<polyline").count == 5)
    #expect(!text.contains("nan"))
  }

  @Test("the ConvNet's layers stand beside the published figures, which say whose they are")
  func published() throws {
    let study = try Study(.layers, of: run(seed: 0).experiment, dataset: "cifar10", seeds: [0])
    let text = try ReproductionText.pages(of: study, [], notRun: [])[1].text
    #expect(text.contains("## As published") && text.contains("| cpl | 74.90 % | 62.50 % |"))
    #expect(text.contains("quoted"))
    let other = try Study(.layers, of: run(seed: 0).experiment, dataset: "synthetic", seeds: [0])
    #expect(
      try !ReproductionText.pages(of: other, [], notRun: [])[1].text.contains("As published"))
  }
}
