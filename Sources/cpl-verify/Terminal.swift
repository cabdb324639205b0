import CPLReference
import Foundation
import Synchronization

/// Results on standard output.
enum Output {
  /// Writes a line; a closed pipe or a full disk is an input/output failure.
  static func line(_ text: String = "") throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    } catch {
      throw ReferenceError.inputOutput(path: "standard output", reason: "cannot write")
    }
  }

  /// Writes one JSON object.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    try line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// Progress on standard error: a bar on a terminal, a line now and then elsewhere.
final class Progress: Sendable {
  private struct State {
    var lastShown: Date
    var isBarShown = false
  }

  private let isSilent: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = Date()
  private let state: Mutex<State>

  init(quiet: Bool) {
    isSilent = quiet
    // Elsewhere than on a terminal, work that is soon done shows nothing.
    state = Mutex(State(lastShown: isTerminal ? .distantPast : start))
  }

  /// Seconds since this progress began.
  var seconds: Double { Date().timeIntervalSince(start) }

  /// Shows how far the work has come; often called, seldom drawn.
  ///
  /// - Parameters:
  ///   - done: what is done of `total`.
  ///   - from: what was done when this progress began.
  ///   - unit: what is counted, in the plural.
  func update(
    _ label: String, done: Int, from: Int = 0, total: Int, unit: String, note: String = ""
  ) {
    guard !isSilent else { return }
    state.withLock { state in
      let now = Date()
      guard now.timeIntervalSince(state.lastShown) >= (isTerminal ? 0.1 : 10) else { return }
      state.lastShown = now
      let rate = Double(done - from) / max(seconds, 1e-9)
      let left = rate > 0 ? Self.duration(Double(total - done) / rate) : "?"
      let share = Double(done) / Double(max(total, 1))
      let rateText = rate >= 10 ? String(Int(rate)) : String(format: "%.2f", rate)
      let numbers = "\(done)/\(total) \(unit), \(rateText)/s, \(left) left"
      let tail = note.isEmpty ? "" : ", \(note)"
      if isTerminal {
        let filled = min(24, max(0, Int(share * 24)))
        let bar =
          String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
        write("\r\u{1B}[K\(label) \(bar) \(numbers)\(tail)")
        state.isBarShown = true
      } else {
        write("\(label): \(Int(share * 100)) %, \(numbers)\(tail)\n")
      }
    }
  }

  /// Writes a line that stays.
  func note(_ text: String) {
    guard !isSilent else { return }
    finish()
    write(text + "\n")
  }

  /// Removes the bar.
  func finish() {
    state.withLock { state in
      if state.isBarShown { write("\r\u{1B}[K") }
      state.isBarShown = false
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

  private func write(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}

extension Output {
  /// A share as people read it.
  static func percent(_ share: Double) -> String { String(format: "%.2f %%", share * 100) }
}

extension String {
  /// The text with spaces appended up to `width` characters.
  func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
