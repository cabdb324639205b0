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
      report.json and junit.xml. The files of all shards of an audit are put together in \
      results.h5, of which the pages are then made. Exit code 1 when the results say that a \
      certificate is broken, 0 otherwise, also when nothing was audited.

      With --check it writes nothing, and goes through the chain of digests instead, from the \
      images to the pages: exit code 1 when a link is broken, 2 when one cannot be checked.

      With --compare it sets two results on the same images side by side: what changed, and the \
      differences image by image with their intervals; with --out as comparison.html, .md and .json.
      """)

  @Argument(
    help: "The stored results; of an audit in shards, those of all of them.",
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

  @Option(
    help: ArgumentHelp(
      "Show what 'selftest --json' printed into this file, too.", valueName: "file.json"))
  var selftest: String?

  @Flag(help: "Also write each table as a CSV file.")
  var csv = false

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
    let (report, name) = try read(out)
    try Folder.create(out)
    var files = [
      ("report.html", try report.html(results: name, selftest: faults)),
      ("report.md", try report.markdown(results: name, selftest: faults)),
      ("report.json", try report.json()),
      ("junit.xml", try report.junit()),
    ]
    if csv { files += report.csv().map { ("\($0.name).csv", $0.text) } }
    for (file, text) in files {
      try AtomicFile.write(Data(text.utf8), to: "\(out)/\(file)")
    }
    if output.json {
      try Output.line(try report.json())
    } else {
      try Output.line("\(out)/report.html: \(report.verdict.rawValue)")
    }
    if report.verdict == .violated { throw Exit.violated }
  }

  private func show(_ first: String, beside second: String) throws {
    let names = (first: first, second: second)
    let comparison = try ReportComparison(
      try VerificationReport(path: first), try VerificationReport(path: second), names: names)
    if let out {
      try Folder.create(out)
      for (file, text) in [
        ("comparison.html", try comparison.html(names: names)),
        ("comparison.md", try comparison.markdown(names: names)),
        ("comparison.json", try comparison.json()),
      ] {
        try AtomicFile.write(Data(text.utf8), to: "\(out)/\(file)")
      }
    }
    if output.json { return try Output.line(try comparison.json()) }
    for fact in comparison.facts where fact.changed {
      try Output.line("\(fact.name.padding(32))\(fact.first)\n\("".padding(32))\(fact.second)")
    }
    for line in comparison.configuration.onlyFirst { try Output.line("- \(line)") }
    for line in comparison.configuration.onlySecond { try Output.line("+ \(line)") }
    for row in comparison.lines { try Output.line(row) }
    for sentence in ReportComparison.method { try Output.line(sentence) }
    if let out { try Output.line("\(out)/comparison.html") }
  }

  /// The report, and the file that holds it as the pages name it.
  private func read(_ out: String) throws -> (VerificationReport, String) {
    guard stored.count > 1 else {
      return (try VerificationReport(path: stored[0]), (stored[0] as NSString).lastPathComponent)
    }
    let merged = try VerificationReport.merging(
      stored.map { ($0, try VerificationReport(path: $0)) })
    let name = "results.h5"
    try Folder.create(out)
    try merged.write(to: "\(out)/\(name)")
    return (try VerificationReport(path: "\(out)/\(name)"), name)
  }

  private func checkChain() throws {
    let report = try VerificationReport(path: stored[0])
    let links = try ChainOfDigests(report, data: data, weights: weights, pages: out).links()
    if output.json {
      try Output.json(links)
    } else {
      for link in links {
        try Output.line("\(link.link.padding(28))\(link.state.rawValue.padding(12))\(link.detail)")
      }
    }
    if links.contains(where: { $0.state == .broken }) { throw Exit.violated }
    if links.contains(where: { $0.state == .unchecked }) { throw Exit.inconclusive }
  }
}
