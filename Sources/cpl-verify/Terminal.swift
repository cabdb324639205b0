import CPLReference
import Foundation
import Synchronization

/// An output that the program was started with.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Takes the numbers of streams that were closed, which the next files to be opened would get:
  /// results would go into them. Writing results then fails, as it should; messages are lost.
  static func reserve() {
    for descriptor in 0...2 as ClosedRange<Int32> where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == error.rawValue ? O_WRONLY : O_RDONLY)
    }
  }

  /// Writes a text.
  ///
  /// - Returns: the system's error number, 0 for success.
  @discardableResult
  func write(_ text: String) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let block = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest))
        let count = Foundation.write(rawValue, block.baseAddress, block.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          // A pipe that whoever shares it has set to not wait.
          var state = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
          poll(&state, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }
}

/// Results on standard output.
enum Output {
  /// Writes a line; a closed pipe or a full disk is an input/output failure.
  static func line(_ text: String = "") throws {
    let code = StandardStream.output.write(text + "\n")
    guard code == 0 else {
      throw ReferenceError.inputOutput(
        path: "standard output", reason: String(cString: strerror(code)))
    }
  }

  /// Writes one JSON object. Numbers that JSON cannot express become text.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    try line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

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
    var from: Int?
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
  ///   - from: what was done when this progress began. Of work after `finish()` it is what the first
  ///     call says that is done.
  ///   - unit: what is counted, in the plural.
  func update(
    _ label: String, done: Int, from: Int = 0, total: Int, unit: String, note: String = ""
  ) {
    guard !isSilent else { return }
    phase.withLock { phase in
      let now = Date()
      guard !phase.hasEnded else {
        phase = Phase(start: now, from: done, lastShown: phase.lastShown)
        return
      }
      guard now.timeIntervalSince(phase.lastShown) >= (isTerminal ? 0.1 : 10) else { return }
      phase.lastShown = now
      let rate =
        Double(done - (phase.from ?? from)) / max(now.timeIntervalSince(phase.start), 1e-9)
      let left = rate > 0 ? Self.duration(Double(total - done) / rate) : "?"
      let share = Double(done) / Double(max(total, 1))
      let rateText = rate >= 10 ? String(Int(rate)) : String(format: "%.2f", rate)
      let numbers = "\(done)/\(total) \(unit), \(rateText)/s, \(left) left"
      let tail = note.isEmpty ? "" : ", \(note)"
      if isTerminal {
        let filled = min(24, max(0, Int(share * 24)))
        let bar =
          String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
        StandardStream.error.write("\r\u{1B}[K\(label) \(bar) \(numbers)\(tail)")
        Self.isBarShown.store(true, ordering: .relaxed)
      } else {
        StandardStream.error.write("\(label): \(Int(share * 100)) %, \(numbers)\(tail)\n")
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
