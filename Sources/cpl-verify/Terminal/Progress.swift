// SPDX-License-Identifier: Apache-2.0

import CPLVerify
import Foundation
import Synchronization

/// Progress on standard error: a bar on a terminal, a line now and then elsewhere.
final class Progress: WorkObserver {
  /// Whether a bar is on the terminal, which all progress shares.
  private static let isBarShown = Atomic<Bool>(false)

  private let isSilent: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let phase: Mutex<Phase>

  /// A stretch of work of one kind, whose rate says when it ends.
  private struct Phase {
    var start: Date
    /// What was done when it began; nil where that is what the work says of itself.
    var from: Double?
    var hasEnded = false
    var lastShown: Date
  }

  init(quiet: Bool) {
    isSilent = quiet
    phase = Mutex(Self.firstPhase(isTerminal))
  }

  /// Elsewhere than on a terminal, work that is soon done shows nothing.
  private static func firstPhase(_ isTerminal: Bool) -> Phase {
    let now = Date()
    return Phase(start: now, lastShown: isTerminal ? .distantPast : now)
  }

  func begin() { phase.withLock { $0 = Self.firstPhase(isTerminal) } }

  /// Shows how far the work has come: often called, seldom drawn.
  func update(_ progress: WorkProgress) {
    guard !isSilent else { return }
    phase.withLock { phase in
      let now = Date()
      let reached = Double(progress.done) + progress.begun
      guard !phase.hasEnded else {
        phase = Phase(start: now, from: reached, lastShown: phase.lastShown)
        return
      }
      guard now.timeIntervalSince(phase.lastShown) >= (isTerminal ? 0.1 : 10) else { return }
      phase.lastShown = now
      let rate =
        (reached - (phase.from ?? Double(progress.from)))
        / max(now.timeIntervalSince(phase.start), 1e-9)
      let line = ProgressLine(
        label: progress.label, share: reached / Double(max(progress.total, 1)),
        count: "\(progress.done)/\(progress.total)", unit: progress.unit,
        rate: rate >= 10 ? "\(Int(rate))/s" : String(format: "%.2f/s", rate),
        left: rate > 0 ? DurationText.of((Double(progress.total) - reached) / rate) : "?",
        note: progress.note)
      if isTerminal {
        StandardStream.error.write("\r\u{1B}[K\(line.bar(width: StandardStream.error.columns - 1))")
        Self.isBarShown.store(true, ordering: .relaxed)
      } else {
        StandardStream.error.write(line.plain + "\n")
      }
    }
  }

  /// Writes a line that stays.
  func note(_ text: String) {
    guard !isSilent else { return }
    Self.removeBar()
    StandardStream.error.write(text + "\n")
  }

  /// Ends one kind of work: the bar goes, and what follows has a rate of its own.
  func finish() {
    phase.withLock { $0.hasEnded = true }
    Self.removeBar()
  }

  /// Removes whatever bar is shown.
  static func removeBar() {
    if isBarShown.exchange(false, ordering: .relaxed) {
      StandardStream.error.write("\r\u{1B}[K")
    }
  }

  var isInterrupted: Bool { Interruption.isRequested }

  func checkInterruption() throws { try Interruption.check() }

  func leaveIfInterrupted() { Interruption.leaveIfRequested() }
}

/// How far some work has come, in one line.
private struct ProgressLine {
  let label: String
  /// In [0, 1].
  let share: Double
  let count: String
  let unit: String
  let rate: String
  let left: String
  let note: String

  private var tail: String { note.isEmpty ? "" : ", \(note)" }

  /// For a file, of any length.
  var plain: String {
    "\(label): \(Int(share * 100)) %, \(count) \(unit), \(rate), \(left) left\(tail)"
  }

  /// For a terminal of so many columns, in which it fits: first the bar becomes shorter, then what
  /// says least goes.
  func bar(width: Int) -> String {
    let (full, brief) = ("\(count) \(unit), \(rate), \(left) left", "\(count), \(left) left")
    for (numbers, least) in [
      (full + tail, 8), (brief + tail, 8), (brief + tail, 0), (brief, 0), (count, 0),
    ] {
      // Label, bar and numbers, a blank between them.
      let room = width - label.count - numbers.count - 2
      if least > 0, room >= least { return "\(label) \(cells(min(24, room))) \(numbers)" }
      if least == 0, room >= -1 { return "\(label) \(numbers)" }
    }
    // Of the label what is left of the line, if that says anything.
    let room = width - count.count - 2
    return room >= 4 ? "\(label.prefix(room))… \(count)" : String(count.prefix(width))
  }

  private func cells(_ width: Int) -> String {
    let filled = min(width, max(0, Int(share * Double(width))))
    return String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
  }
}
