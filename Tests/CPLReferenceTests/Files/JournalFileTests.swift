// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("JournalFile")
struct JournalFileTests {
  static let texts = ["header", "", #"{"ü": "\u2028"}"#, String(repeating: "x", count: 3_000_000)]

  /// Runs `body` with the path of a journal that holds `texts`, and its lines.
  private func withJournal(_ body: (String, [Data]) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/journal"
      var file = try JournalFile.create(path)
      for text in Self.texts { try file.append(text) }
      _ = consume file
      let lines = Data(try bytes(of: path)).split(separator: UInt8(ascii: "\n"))
      try body(path, lines.map { $0 + [UInt8(ascii: "\n")] })
    }
  }

  private func records(_ path: String) throws -> [String] {
    var records: [String] = []
    let file = try JournalFile.resume(path) { number, text in
      #expect(number == records.count)
      records.append(text)
    }
    _ = consume file
    return records
  }

  @Test("what was appended is there when the file is taken up, and so is what comes then")
  func roundTrip() throws {
    try withJournal { path, _ in
      #expect(try records(path) == Self.texts)
      var file = try JournalFile.resume(path) { _, _ in }
      try file.append("more")
      _ = consume file
      #expect(try records(path) == Self.texts + ["more"])
    }
  }

  @Test("a record that was torn is dropped, wherever it was torn, and the next takes its place")
  func tornEnd() throws {
    try withJournal { path, lines in
      let whole = lines[..<2].reduce(Data(), +)
      for torn in [0, 1, 30, 64, 65, 66, lines[2].count - 1] {
        try (whole + lines[2].prefix(torn)).write(to: URL(filePath: path))
        var file = try JournalFile.resume(path) { _, _ in }
        try file.append("new")
        _ = consume file
        #expect(try records(path) == Array(Self.texts[..<2]) + ["new"])
      }
      // Bytes that never came to the medium, within a last line of the right length.
      let length = lines[2].count - 1
      try (whole + Data(count: length) + Data("\n".utf8)).write(to: URL(filePath: path))
      #expect(try records(path) == Array(Self.texts[..<2]))
    }
  }

  @Test("damage before the end is reported, whichever record it is in")
  func damage() throws {
    try withJournal { path, lines in
      for line in 0..<lines.count - 1 {
        // Without its end, the last line but one is part of the last.
        let end = line + 2 < lines.count ? [lines[line].count - 1] : []
        for offset in [0, 63, 64, lines[line].count / 2] + end {
          var damaged = lines
          damaged[line][damaged[line].startIndex + offset] ^= 1
          try damaged.reduce(Data(), +).write(to: URL(filePath: path))
          #expect(throws: ReferenceError.self) { try records(path) }
        }
        var lost = lines
        lost.remove(at: line)
        try lost.reduce(Data(), +).write(to: URL(filePath: path))
        if line + 1 < lost.count {
          let error = #expect(throws: ReferenceError.self) { try records(path) }
          guard case .invalid(path, "record \(line)", _, _) = error else {
            Issue.record("\(String(describing: error))")
            continue
          }
        }
      }
      var swapped = lines
      swapped.swapAt(1, 2)
      try swapped.reduce(Data(), +).write(to: URL(filePath: path))
      #expect(throws: ReferenceError.self) { try records(path) }
    }
  }

  @Test("one writer at a time, and no file is begun twice")
  func lock() throws {
    try withJournal { path, _ in
      let file = try JournalFile.resume(path) { _, _ in }
      let busy = ReferenceError.cannotCreate(path: path, reason: "another process is writing it")
      #expect(throws: busy) { try records(path) }
      _ = consume file
      #expect(try records(path).count == Self.texts.count)
      #expect(throws: ReferenceError.self) { _ = try JournalFile.create(path) }
      #expect(try records(path).count == Self.texts.count)
      try JournalFile.resume(path) { _, _ in }.remove()
      #expect(throws: ReferenceError.missing(path: path)) { try records(path) }
    }
  }

  @Test(
    "on a full disk the records before stay, and there is room for others later",
    .enabled(if: canMount, "mounting file systems takes root"))
  func fullDisk() throws {
    try withFileSystem(options: "size=64k") { folder in
      let path = folder + "/journal"
      var file = try JournalFile.create(path)
      try file.append("header")
      let long = String(repeating: "x", count: 100_000)
      #expect(throws: ReferenceError.self) { try file.append(long) }
      try file.append("short")
      _ = consume file
      #expect(try records(path) == ["header", "short"])
    }
  }
}
