// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// A file that records are appended to while long work goes on; owner of its descriptor, and of a
/// lock that keeps other processes out and ends with the process.
///
/// A record is one line: the SHA-256 over the digits of the line before and its own text, a space,
/// and that text. So a record that was changed, lost or moved is noticed. A record is on the medium
/// when `append` returns. What a process that died while appending left behind can only be the last
/// line, which is dropped when the file is taken up again; damage before it is reported.
package struct JournalFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  /// Where the last whole record ends.
  private var end = 0
  /// The digits of the last record.
  private var checksum = ""

  /// Makes a new file.
  ///
  /// - Throws: `ReferenceError.cannotCreate` also when there is a file already.
  package static func create(_ path: String) throws -> JournalFile {
    let file = try JournalFile(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC)
    try Folder.synchronize(of: path)
    return file
  }

  /// Takes up a file, and calls `body` with the number, from 0, and the text of each record.
  ///
  /// - Throws: `ReferenceError.invalid` for a damaged record that is not the last one.
  package static func resume(
    _ path: String, _ body: (_ number: Int, _ text: String) throws -> Void
  ) throws -> JournalFile {
    let input = try InputFile(path)
    var file = try JournalFile(path, O_RDWR | O_CLOEXEC)
    var (number, rest) = (0, [UInt8]())
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { block.deallocate() }
    var isDamaged = false
    func damage() -> ReferenceError {
      .invalid(
        path: path, location: "record \(number)", expected: "a line that matches its checksum",
        found: "another one, and more lines after it")
    }
    while true {
      let count = try input.fill(block)
      if count > 0, isDamaged { throw damage() }
      rest += UnsafeRawBufferPointer(rebasing: block[..<count])
      var start = 0
      while let stop = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        if isDamaged { throw damage() }
        if let (digits, text) = record(rest[start..<stop], after: file.checksum) {
          try body(number, text)
          number += 1
          (file.checksum, file.end) = (digits, file.end + stop + 1 - start)
        } else {
          isDamaged = true
        }
        start = stop + 1
      }
      rest.removeFirst(start)
      if isDamaged, !rest.isEmpty { throw damage() }
      if count < block.count { break }
    }
    guard ftruncate(file.descriptor, off_t(file.end)) == 0 else { throw failure(path, errno) }
    return file
  }

  private init(_ path: String, _ flags: Int32) throws {
    let descriptor = open(path, flags, 0o666)
    guard descriptor >= 0 else {
      let code = errno
      throw [ENOSPC, EDQUOT, EIO].contains(code)
        ? Self.failure(path, code)
        : ReferenceError.cannotCreate(path: path, reason: String(cString: strerror(code)))
    }
    var (held, named) = (stat(), stat())
    // Whoever had the lock may have removed the file before giving it back.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &held) == 0,
      stat(path, &named) == 0, held.st_ino == named.st_ino, held.st_dev == named.st_dev
    else {
      close(descriptor)
      throw ReferenceError.cannotCreate(path: path, reason: "another process is writing it")
    }
    self.path = path
    self.descriptor = descriptor
  }

  /// The lock is given back by name: a child that another thread is starting holds the file open too,
  /// for a moment.
  deinit {
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Appends a record, and returns when it has reached the medium. Where that fails, the file ends
  /// with the record before it.
  ///
  /// - Precondition: `text` has no line feed.
  package mutating func append(_ text: String) throws {
    let digits = Self.checksum(of: text, after: checksum)
    let line = Array("\(digits) \(text)\n".utf8)
    var written = 0
    while written < line.count {
      let count = line.withUnsafeBytes {
        pwrite(
          descriptor, $0.baseAddress! + written, line.count - written, off_t(end + written))
      }
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        throw undoing(errno)
      }
    }
    guard fsync(descriptor) == 0 else { throw undoing(errno) }
    (checksum, end) = (digits, end + line.count)
  }

  /// Removes the file.
  package consuming func remove() { unlink(path) }

  private func undoing(_ code: Int32) -> ReferenceError {
    // Fails only where what is left will be dropped as a torn record.
    _ = ftruncate(descriptor, off_t(end))
    return Self.failure(path, code)
  }

  /// The checksum and the text of a line; nil when they do not match.
  private static func record(
    _ line: ArraySlice<UInt8>, after previous: String
  ) -> (checksum: String, text: String)? {
    guard line.count > 64, line[line.startIndex + 64] == UInt8(ascii: " "),
      let text = String(validating: line.dropFirst(65), as: UTF8.self)
    else { return nil }
    let digits = checksum(of: text, after: previous)
    return digits.utf8.elementsEqual(line.prefix(64)) ? (digits, text) : nil
  }

  private static func checksum(of text: String, after previous: String) -> String {
    var digest = Digest()
    digest.update(field: previous)
    digest.update(field: text)
    return digest.hex()
  }

  private static func failure(_ path: String, _ code: Int32) -> ReferenceError {
    .inputOutput(path: path, reason: String(cString: strerror(code)))
  }
}
