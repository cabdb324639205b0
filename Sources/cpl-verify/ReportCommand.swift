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
      report.json and junit.xml. Exit code 1 when the results say that a certificate is broken, 0 \
      otherwise, also when nothing was audited.
      """)

  @Argument(help: "The stored results.", completion: .file())
  var stored: String

  @Option(help: ArgumentHelp("The folder for the pages, made when missing.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if out.isEmpty { throw ValidationError("--out is the name of a folder, not empty") }
  }

  func run() throws {
    let report = try VerificationReport(path: stored)
    try Folder.create(out)
    let name = (stored as NSString).lastPathComponent
    for (file, text) in [
      ("report.html", try report.html(results: name)),
      ("report.md", try report.markdown(results: name)), ("report.json", try report.json()),
      ("junit.xml", try report.junit()),
    ] {
      try AtomicFile.write(Data(text.utf8), to: "\(out)/\(file)")
    }
    if output.json {
      try Output.line(try report.json())
    } else {
      try Output.line("\(out)/report.html: \(report.verdict.rawValue)")
    }
    if report.verdict == .violated { throw Exit.violated }
  }
}
