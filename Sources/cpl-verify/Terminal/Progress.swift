import CPLReference
import Foundation
import Synchronization

/// Progress on standard error: a bar on a terminal, a line now and then elsewhere.
final class Progress: Sendable {
  /// Whether a bar is on the terminal, which all progress shares.
  private static let isBarShown = Atomic<Bool>(false)

  private let isSilent: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = Date()
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
    // Elsewhere than on a terminal, work that is soon done shows nothing.
    phase = Mutex(Phase(start: start, lastShown: isTerminal ? .distantPast : start))
  }

  /// Seconds since this progress began.
  var seconds: Double { Date().timeIntervalSince(start) }

  /// Shows how far the work has come; often called, seldom drawn.
  ///
  /// - Parameters:
  ///   - done: what is done of `total`.
  ///   - begun: what the work in hand is worth so far, of what is not done yet.
  ///   - from: what was done when this progress began. Of work after `finish()` it is what the first
  ///     call says that is done.
  ///   - unit: what is counted, in the plural.
  func update(
    _ label: String, done: Int, begun: Double = 0, from: Int = 0, total: Int, unit: String,
    note: String = ""
  ) {
    guard !isSilent else { return }
    phase.withLock { phase in
      let now = Date()
      let reached = Double(done) + begun
      guard !phase.hasEnded else {
        phase = Phase(start: now, from: reached, lastShown: phase.lastShown)
        return
      }
      guard now.timeIntervalSince(phase.lastShown) >= (isTerminal ? 0.1 : 10) else { return }
      phase.lastShown = now
      let rate =
        (reached - (phase.from ?? Double(from))) / max(now.timeIntervalSince(phase.start), 1e-9)
      let line = ProgressLine(
        label: label, share: reached / Double(max(total, 1)), count: "\(done)/\(total)",
        unit: unit, rate: rate >= 10 ? "\(Int(rate))/s" : String(format: "%.2f/s", rate),
        left: rate > 0 ? Self.duration((Double(total) - reached) / rate) : "?", note: note)
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

  /// A duration in the largest two units that say something.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
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
