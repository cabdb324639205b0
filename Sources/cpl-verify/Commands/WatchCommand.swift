// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Shows the curves of a training or an audit while it goes on.",
    discussion: """
      Reads the events that 'train' keeps in RUN/events.jsonl and 'audit --out FILE.h5' in FILE.events.jsonl, \
      and draws them again whenever there are more, until the run ends. Elsewhere than on a terminal it prints \
      what there is, once.

      Exit code 0 when the run came to its end, or with --once goes on; for an audit that of its verdict: 1 \
      when a certificate is broken, 2 when it is unproved or inconclusive. 2 also for a run that was stopped, \
      failed, or was killed.
      """)

  @Argument(
    help: ArgumentHelp(
      "The folder of a run, or the file of results of an audit.", valueName: "run"),
    completion: .file())
  var place: String

  @Flag(help: "Show what there is, and end.")
  var once = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    var reader = try EventReader(of: place)
    let change = FileChange(of: reader.path)
    let terminal = StandardStream.output
    let isFollowing = terminal.isTerminal && !once && !output.json
    var curves = RunCurves()
    var shown = 0
    while true {
      // Asked first: what a writer told before it ended is read after.
      let isBeingWritten = reader.isBeingWritten
      let (events, restarted) = try reader.read()
      if restarted { curves = RunCurves() }
      for event in events { curves.add(event) }
      if !isFollowing {
        try show(curves, isBeingWritten: isBeingWritten)
        return try leave(curves, isBeingWritten: isBeingWritten)
      }
      if !events.isEmpty || shown == 0 || !isBeingWritten {
        let lines = curves.lines(width: terminal.columns - 1, height: terminal.rows - 1)
        let back = shown > 0 ? "\u{1B}[\(shown)A\r\u{1B}[J" : ""
        try Output.line(back + lines.joined(separator: "\n"))
        shown = lines.count
      }
      if curves.state != .running || !isBeingWritten {
        return try leave(curves, isBeingWritten: isBeingWritten)
      }
      change.wait(seconds: 2)
      try Interruption.check()
      // Steps that come quickly are drawn together.
      if events.count > 0 { usleep(100_000) }
    }
  }

  private func show(_ curves: RunCurves, isBeingWritten: Bool) throws {
    if output.json { return try Output.json(Document(curves, isBeingWritten: isBeingWritten)) }
    for line in curves.lines(width: StandardStream.output.columns, height: 24) {
      try Output.line(line)
    }
    if isKilled(curves, isBeingWritten) { try Output.line("no process is writing its events") }
  }

  private func isKilled(_ curves: RunCurves, _ isBeingWritten: Bool) -> Bool {
    curves.state == .running && !isBeingWritten
  }

  private func leave(_ curves: RunCurves, isBeingWritten: Bool) throws {
    switch curves.state {
    case .running where isBeingWritten: return
    case .running:
      if !once, StandardStream.output.isTerminal {
        output.progress.note("\(place): no process is writing its events")
      }
      throw Exit.inconclusive
    case .stopped, .failed: throw Exit.inconclusive
    case .finished:
      switch curves.verdict {
      case .holds, nil: return
      case .violated: throw Exit.violated
      case .unproved, .inconclusive: throw Exit.inconclusive
      }
    }
  }

  private struct Document: Encodable {
    let run: String?
    let state: String
    let verdict: String?
    let time: String?
    let curves: [String: [[Double]]]

    init(_ curves: RunCurves, isBeingWritten: Bool) {
      run = curves.work?.rawValue
      state =
        curves.state == .running && !isBeingWritten ? "gone" : curves.state.rawValue
      verdict = curves.verdict?.rawValue
      time = curves.time
      self.curves = Dictionary(
        curves.curves.map { ($0.key, $0.points.map { [$0.x, $0.y] }) }, uniquingKeysWith: { $1 })
    }
  }
}
