// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Makes HTML, Markdown, JSON and JUnit pages from stored results.",
    discussion: """
      Reads the HDF5 file that a command kept with --out and writes report.html, report.md, \
      report.json and junit.xml, and in figures/ each figure as an SVG file with its numbers as CSV, and as \
      PNG and PDF files where 'rsvg-convert' is installed. \
      Where the weights and images that were audited are still there, the page pictures some of the nearest \
      adversarial images, which are found again for it. The files of all shards of a run are put together in \
      results.h5, of which the pages are then made, and pages.sha256, which reveals an edited page. The \
      exit code is that of the results' verdict: 0 proved and not broken, 1 broken, 2 not proved (0 \
      with --allow-unproved) or inconclusive; 0 also when nothing was tested.

      With --check it writes nothing, and goes through the chain of digests instead, from the \
      images to the pages: exit code 1 when a link is broken, 2 when one cannot be checked. Weights \
      and images are read as the recorded command read them.

      With --compare it sets two results on the same images side by side: what changed, and the \
      differences image by image with their intervals; with --out as comparison.html, .md and .json.
      """)

  @Argument(
    help: "The stored results; of a run in shards, those of all of them.",
    completion: .file())
  var stored: [String]

  @Option(
    help: ArgumentHelp(
      "The folder for the pages, made when missing; with --check, where they are.",
      valueName: "folder"))
  var out: String?

  @Flag(help: "Check that images, configuration, weights, results and pages belong together.")
  var check = false

  @Option(
    help: ArgumentHelp(
      "Compare with these results, of the same images.", valueName: "file"))
  var compare: String?

  @Option(help: ArgumentHelp("With --check, where the data set is now.", valueName: "folder"))
  var data: String?

  @Option(help: ArgumentHelp("With --check, where the weights are now.", valueName: "file"))
  var weights: String?

  @Flag(help: "Picture no images, which spares finding adversarial ones again.")
  var noPictures = false

  @Option(
    help: ArgumentHelp(
      "Show what 'selftest --json' printed into this file, too.", valueName: "file.json"))
  var selftest: String?

  @Flag(help: "Also write each table as a CSV file; columns.csv explains them.")
  var csv = false

  @Flag(help: "Replace files in the folder that are not pages of these results.")
  var force = false

  @OptionGroup var verdict: VerdictOptions

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if out == "" { throw ValidationError("--out is the name of a folder, not empty") }
    if selftest != nil, check || compare != nil {
      throw ValidationError("--selftest is for the pages of results alone")
    }
    if compare != nil {
      guard stored.count == 1 else {
        throw ValidationError("--compare sets one file beside another, not \(stored.count)")
      }
      if check || csv || data != nil || weights != nil {
        throw ValidationError("--compare takes no --check, --csv, --data or --weights")
      }
    } else if check {
      guard stored.count == 1 else {
        throw ValidationError("--check is for one file of results, not \(stored.count)")
      }
    } else {
      if out == nil { throw ValidationError("give --out with a folder for the pages") }
      if data != nil || weights != nil {
        throw ValidationError("--data and --weights are for --check")
      }
    }
  }

  func run() throws {
    if check { return try checkChain() }
    if let compare { return try show(stored[0], beside: compare) }
    let out = out ?? ""
    let faults = try selftest.map { try SelftestSummary(json: try InputFile.text($0), path: $0) }
    let (report, name, merged) = try read()
    let figures = report.figures(selftest: faults)
    let pictures = PictureConverter.pictures(of: figures)
    var texts = [
      (
        "report.html",
        try report.html(
          results: name, selftest: faults, examples: examples(of: report),
          figureFiles: PictureConverter.words(pictures))
      ),
      ("report.md", try report.markdown(results: name, selftest: faults)),
      ("report.json", try report.json()),
      ("junit.xml", try report.junit(allowsUnproved: verdict.allowUnproved)),
    ]
    texts += figures.map { ("figures/\($0.name)", $0.text) }
    if csv { texts += report.csv(selftest: faults).map { ("\($0.name).csv", $0.text) } }
    try PageFolder.report(out).write(
      texts.map { ($0, Data($1.utf8)) } + pictures.map { ("figures/\($0.name)", $0.content) }
        + (merged.map { [(name, $0)] } ?? []),
      of: report.contentDigest ?? "", force: force)
    if output.json {
      try Output.line(try report.json())
    } else {
      try Output.opening(of: report)
      try Output.line("\(out)/report.html")
    }
    try verdict.leave(report)
  }

  /// Images to picture, where weights and images are those that were audited; a page can do without.
  private func examples(of report: VerificationReport) -> [ExampleImage] {
    guard !noPictures, report.audit != nil, let command = report.provenance.command,
      let reading = try? RecordedReading(command: command)
    else { return [] }
    let workers = Workers(threads: ProcessInfo.processInfo.activeProcessorCount)
    return (try? ExampleSearch(report, reading: reading, workers: workers).run()) ?? []
  }

  private func show(_ first: String, beside second: String) throws {
    let names = (first: first, second: second)
    let comparison = try ReportComparison(
      try VerificationReport(path: first), try VerificationReport(path: second), names: names)
    if let out {
      try PageFolder.comparison(out).write(
        [
          ("comparison.html", try comparison.html(names: names)),
          ("comparison.md", try comparison.markdown(names: names)),
          ("comparison.json", try comparison.json()),
        ].map { ($0, Data($1.utf8)) },
        of: comparison.facts[0].first + " and " + comparison.facts[0].second, force: force)
    }
    if output.json { return try Output.line(try comparison.json()) }
    try Output.line(comparison.headline)
    for notice in comparison.furtherNotices { try Output.line(notice) }
    for fact in comparison.facts where fact.changed {
      try Output.line("\(fact.name.padding(32))\(fact.first)\n\("".padding(32))\(fact.second)")
    }
    for line in comparison.configuration.onlyFirst { try Output.line("- \(line)") }
    for line in comparison.configuration.onlySecond { try Output.line("+ \(line)") }
    for row in comparison.lines { try Output.line(row) }
    for sentence in ReportComparison.method { try Output.line(sentence) }
    if let out { try Output.line("\(out)/comparison.html") }
  }

  /// The report, the file that holds it as the pages name it, and its bytes where it was put together
  /// from shards and lies beside the pages.
  private func read() throws -> (VerificationReport, String, merged: Data?) {
    guard stored.count > 1 else {
      let name = (stored[0] as NSString).lastPathComponent
      return (try VerificationReport(path: stored[0]), name, nil)
    }
    let merged = try VerificationReport.merging(
      stored.map { ($0, try VerificationReport(path: $0)) })
    let scratch = try Folder.temporary()
    defer { Folder.remove(scratch) }
    let name = "results.h5"
    let path = "\(scratch)/\(name)"
    try merged.write(to: path)
    return (try VerificationReport(path: path), name, Data(try InputFile.bytes(path)))
  }

  private func checkChain() throws {
    let report = try VerificationReport(path: stored[0])
    let links = ChainOfDigests(
      report, data: data, weights: weights, pages: out,
      reading: RecordedReading.init(command:)
    ).links()
    if output.json {
      try Output.json(links)
    } else {
      for link in links {
        try Output.line("\(link.link.padding(28))\(link.state.rawValue.padding(16))\(link.detail)")
      }
    }
    if links.contains(where: { $0.state == .broken }) { throw Exit.violated }
    if links.contains(where: { $0.state == .unchecked }) { throw Exit.inconclusive }
  }
}
