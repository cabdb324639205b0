// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference
import Foundation

/// The file that a run tells its events in while it goes on, a JSON object a line.
///
/// A line is appended by one `write`, and a reader may rely on what ends in a line feed. What a process that
/// was killed, or a full disk, left of a line is removed when the run is taken up. While the file is held open
/// its writer has a lock on it, by which a reader sees whether there still is one.
package final class EventLog {
  /// Its name in the folder of a training run; that of an audit stands beside the results, as
  /// `NAME.events.jsonl`.
  package static let name = "events.jsonl"

  private let descriptor: Int32
  private let tensorBoard: TensorBoardFile?
  private let now: () -> Date
  private let note: (String) -> Void
  private let begun: Date
  /// When the last event was told, and how many images have passed since.
  private var last: (time: Date, images: Int)
  private var hasFailed = false

  /// Opens the file.
  ///
  /// - Parameters:
  ///   - resumes: whether events are added to those that are there; else they are removed.
  ///   - tensorBoard: whether the events go into a file for TensorBoard, too, in the same folder.
  ///   - note: told once if events cannot be written; the run goes on without.
  /// - Throws: `ReferenceError.cannotCreate`, also where another process writes it.
  package init(
    _ path: String, resumes: Bool, tensorBoard: Bool = false,
    now: @escaping () -> Date = { Date() },
    note: @escaping (String) -> Void
  ) throws {
    func failure(_ reason: String) -> ReferenceError { .cannotCreate(path: path, reason: reason) }
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
    do {
      // A reader that looks for a writer holds the lock for a moment.
      var attempts = 50
      while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        attempts -= 1
        guard attempts > 0 else { throw failure("another process is writing it") }
        usleep(20_000)
      }
      let end = resumes ? Self.endOfLastLine(descriptor) : 0
      guard ftruncate(descriptor, end) == 0 else { throw failure(String(cString: strerror(errno))) }
      self.tensorBoard = try tensorBoard ? TensorBoardFile.create(beside: path, at: now()) : nil
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.now = now
    self.note = note
    begun = now()
    last = (begun, 0)
  }

  /// By name, since a child that is being started may hold the file open too.
  deinit {
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  private static func endOfLastLine(_ descriptor: Int32) -> off_t {
    var end = lseek(descriptor, 0, SEEK_END)
    var block = [UInt8](repeating: 0, count: 4096)
    while end > 0 {
      let start = max(0, end - off_t(block.count))
      let count = pread(descriptor, &block, Int(end - start), start)
      guard count > 0 else { return 0 }
      if let feed = block[..<count].lastIndex(of: UInt8(ascii: "\n")) {
        return start + off_t(feed) + 1
      }
      end = start
    }
    return 0
  }

  /// Tells an event, and when.
  package func append(_ event: RunEvent) {
    let time = now()
    last = (time, 0)
    guard !hasFailed else { return }
    do {
      var event = event
      event.time = time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
      try write(Array("\(try event.line())\n".utf8))
      try tensorBoard?.append(event, at: time)
    } catch {
      hasFailed = true
      note("events are no longer written: \(error)")
    }
  }

  private func write(_ line: [UInt8]) throws {
    let end = lseek(descriptor, 0, SEEK_END)
    var count = Foundation.write(descriptor, line, line.count)
    while count < 0, errno == EINTR { count = Foundation.write(descriptor, line, line.count) }
    guard count == line.count else {
      let reason = count < 0 ? String(cString: strerror(errno)) : "no room"
      _ = ftruncate(descriptor, end)
      throw ReferenceError.inputOutput(path: Self.name, reason: reason)
    }
  }

  /// Counts images, of which the next event says how many passed in a second.
  package func count(images: Int) { last.images += images }

  /// How many images passed in a second since the last event; nil where no time has passed.
  package var imagesPerSecond: Double? {
    let seconds = now().timeIntervalSince(last.time)
    return seconds > 0 && last.images > 0 ? Double(last.images) / seconds : nil
  }

  /// Whether something that happens often is to be told again: after a second, and in long runs after a
  /// five-hundredth of their time, so that days of work make a few thousand lines.
  package var isDue: Bool {
    let time = now()
    return time.timeIntervalSince(last.time) >= max(1, time.timeIntervalSince(begun) / 500)
  }

  /// Tells that the run ended.
  package func end(_ outcome: RunEvent.Outcome, verdict: AuditResult.Verdict? = nil) {
    var event = RunEvent(.end)
    (event.outcome, event.verdict) = (outcome, verdict)
    append(event)
  }
}
