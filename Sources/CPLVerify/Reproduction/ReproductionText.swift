// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLReports
import Foundation

/// What a reproduction writes for people.
package enum ReproductionText {
  /// Between these lines of a README stands what `reproduce` writes; the rest is left as it is.
  private static let begin = "<!-- reproduce: what follows is generated -->"
  private static let end = "<!-- reproduce: end -->"

  /// A README with the tables of all runs, and links to their reports.
  ///
  /// - Parameters:
  ///   - old: the README so far; nil for none.
  ///   - records: of all runs whose folders are there.
  ///   - studies: the folders of studies.
  ///   - notRun: what was asked for and left out, and why.
  ///   - command: the command that was run.
  package static func readme(
    replacing old: String?, records: [ReproductionRecord],
    studies: [String],
    notRun: [(name: String, reason: String)], command: String
  ) throws -> String {
    let page = ReportPage(
      style: "plain", headline: "", sections: ReproductionPage(records, notRun: notRun).sections)
    var links = records.filter { $0.variant == nil }.map(\.name).sorted()
      .map { "- [\($0)](\($0)/report.md)" }
    links += studies.sorted().map { "- [\($0)](\($0)/report.md): a study, one change at a time" }
    let body = try ReportTemplate.render(page, with: MarkdownTemplate.part)
    let fence = command.codeFence
    let block = """
      \(begin)
      \(body.trimmed)

      ## Reports

      \(links.joined(separator: "\n"))

      Made, or completed, by

      \(fence)text
      \(command.printable)
      \(fence)
      \(end)
      """
    let text = old ?? "# Reports\n"
    guard let first = text.range(of: begin),
      let last = text.range(of: end, range: first.upperBound..<text.endIndex)
    else { return "\(text.trimmed)\n\n\(block)\n" }
    return text.replacingCharacters(in: first.lowerBound..<last.upperBound, with: block)
  }

  /// The pages of a study, by the names of their files.
  package static func pages(
    of study: Study, _ records: [ReproductionRecord],
    notRun: [(name: String, reason: String)]
  ) throws -> [(file: String, text: String)] {
    let page = StudyPage(study, records, notRun: notRun).page
    return [
      ("report.html", try ReportTemplate.render(page, with: HTMLTemplate.page)),
      ("report.md", try ReportTemplate.render(page, with: MarkdownTemplate.page)),
    ]
  }
}
