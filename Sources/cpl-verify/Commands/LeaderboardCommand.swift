// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct LeaderboardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leaderboard",
    abstract: "Sets any number of stored results on the same images into one table.",
    discussion: """
      Reads the HDF5 files that commands kept with --out, and of a folder all such files in it and in its \
      folders. With --out it writes leaderboard.html, whose table is sorted by a click, leaderboard.md, \
      leaderboard.csv with every number, leaderboard.tex for the LaTeX package booktabs, as wide as a column of text, \
      and the figure as SVG, CSV and, where 'rsvg-convert' is installed, PNG and PDF. The terminal, Markdown \
      and LaTeX show the strongest kind of certificates that all results have, the page and CSV show all kinds.
      """)

  @Argument(help: "Files of results, and folders with such files.", completion: .file())
  var results: [String]

  @Option(
    help: ArgumentHelp("The folder for the pages, made when missing.", valueName: "folder"))
  var out: String?

  @Flag(help: "Replace files in the folder that are not pages of these results.")
  var force = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if out == "" { throw ValidationError("--out is the name of a folder, not empty") }
  }

  func run() throws {
    let files = try ResultFiles(results)
    for path in files.leftOut { output.progress.note("\(path) holds no results, and is left out") }
    let reports = try files.paths.map { ($0, try VerificationReport(path: $0)) }
    let board = try Leaderboard(reports)
    if let out {
      let figures = board.figures()
      try PageFolder.leaderboard(out).write(
        ([
          ("leaderboard.html", try board.html()), ("leaderboard.md", try board.markdown()),
          ("leaderboard.csv", board.csv()), ("leaderboard.tex", board.latex()),
          ("leaderboard.json", try board.json()),
        ] + figures.map { ("figures/\($0.name)", $0.text) }).map { ($0, Data($1.utf8)) }
          + PictureConverter.pictures(of: figures).map { ("figures/\($0.name)", $0.content) },
        of: Digest.of(reports.map { $0.1.contentDigest ?? "" }.sorted().joined(separator: "\n")),
        force: force)
    }
    if output.json { return try Output.line(try board.json()) }
    try Output.line(board.headline)
    let (header, rows) = board.rows
    var table = TextTable(header)
    for row in rows { table.add(row) }
    try Output.table(table)
    if let out { try Output.line("\(out)/leaderboard.html") }
  }
}
