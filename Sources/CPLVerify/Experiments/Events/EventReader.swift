// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// The events of a run, read while they are written.
package struct EventReader {
  /// The file.
  package let path: String
  private var handle: FileHandle
  /// What has been read of a line that has no end yet.
  private var rest = Data()
  private var number = 0

  /// - Parameter place: the folder of a run, or a file of weights or results that it keeps, or of events. Of a
  ///   folder with several files of events the one that was written last.
  /// - Throws: `ReferenceError.missing` where there is none.
  package init(of place: String) throws {
    path = try Self.file(of: place)
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw ReferenceError.missing(path: path)
    }
    self.handle = handle
  }

  private static func file(of place: String) throws -> String {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    let isThere = manager.fileExists(atPath: place, isDirectory: &isFolder)
    guard isFolder.boolValue else {
      let beside =
        (place.hasSuffix(".h5") ? String(place.dropLast(3)) : place) + "." + EventLog.name
      if place.hasSuffix(".jsonl"), isThere { return place }
      if manager.fileExists(atPath: beside) { return beside }
      throw HintedError(
        error: .missing(path: isThere ? beside : place),
        hint:
          "'train' and 'audit --out' keep events; name the folder of a run, or the file of results")
    }
    func time(_ path: String) -> Date {
      (try? manager.attributesOfItem(atPath: path)[.modificationDate] as? Date) ?? .distantPast
    }
    let files = try manager.contentsOfDirectory(atPath: place)
      .filter { $0 == EventLog.name || $0.hasSuffix("." + EventLog.name) }.sorted()
      .map { "\(place)/\($0)" }
    guard let last = files.max(by: { time($0) < time($1) }) else {
      throw HintedError(
        error: .missing(path: "\(place)/\(EventLog.name)"),
        hint: "it is kept by 'train', and by 'audit --out' beside the results")
    }
    return last
  }

  /// The events that were added since they were last read. A file that became shorter, since another run was
  /// begun in its place, is read from its beginning; `restarted` says so.
  ///
  /// - Throws: `ReferenceError.invalid` for a line that is no event.
  package mutating func read() throws -> (events: [RunEvent], restarted: Bool) {
    var status = stat()
    let offset = off_t(try handle.offset())
    let isShorter = fstat(handle.fileDescriptor, &status) == 0 && status.st_size < offset
    if isShorter {
      try handle.seek(toOffset: 0)
      (rest, number) = (Data(), 0)
    }
    rest += (try handle.readToEnd()) ?? Data()
    var events: [RunEvent] = []
    while let feed = rest.firstIndex(of: UInt8(ascii: "\n")) {
      number += 1
      guard let event = try? JSONDecoder().decode(RunEvent.self, from: rest[..<feed]) else {
        throw ReferenceError.invalid(
          path: path, location: "line \(number)", expected: "an event of a run",
          found: "something else")
      }
      events.append(event)
      rest = Data(rest[(feed + 1)...])
    }
    return (events, isShorter)
  }

  /// Whether a process has the file open to write it.
  package var isBeingWritten: Bool {
    guard flock(handle.fileDescriptor, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
    flock(handle.fileDescriptor, LOCK_UN)
    return false
  }
}

/// Waits until a file changes.
package final class FileChange {
  private let descriptor: Int32

  /// Without inotify, as on some network file systems, only the time passes.
  package init(of path: String) {
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    if descriptor >= 0 {
      inotify_add_watch(descriptor, path, UInt32(IN_MODIFY) | UInt32(IN_CLOSE_WRITE))
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Returns after a change, a signal, or so many seconds.
  package func wait(seconds: Double) {
    var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&state, 1, Int32(seconds * 1000)) > 0 else { return }
    var block = [UInt8](repeating: 0, count: 4096)
    while Foundation.read(descriptor, &block, block.count) > 0 {}
  }
}
