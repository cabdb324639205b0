// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// A file that is read from its beginning to its end; owner of its descriptor.
package struct InputFile: ~Copyable {
  private let path: String
  let descriptor: Int32
  /// The size of the file in bytes when it was opened.
  package let byteCount: Int

  /// Opens the regular file at `path`.
  package init(_ path: String) throws {
    // Not blocking: a pipe without a writer is refused below, not waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR
        ? ReferenceError.missing(path: path)
        : ReferenceError.inputOutput(path: path, reason: String(cString: strerror(errno)))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw ReferenceError.invalid(
        path: path, location: "", expected: "a file",
        found: status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a device or pipe")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Whether the system would give so much memory; an array ends the program where it does not.
  package static func hasMemory(_ byteCount: Int) -> Bool {
    let probe = malloc(byteCount)
    defer { free(probe) }
    return probe != nil || byteCount == 0
  }

  /// The bytes of the file at `path`.
  package static func bytes(_ path: String) throws -> [UInt8] {
    let file = try InputFile(path)
    var bytes = [UInt8](repeating: 0, count: file.byteCount)
    let count = try bytes.withUnsafeMutableBytes { try file.fill($0) }
    return Array(bytes.prefix(count))
  }

  /// The text of the file at `path`, which is one that people write: of at most 1 MiB, less
  /// the byte order mark that some editors put before it.
  package static func text(_ path: String) throws -> String {
    let file = try InputFile(path)
    let byteLimit = 1 << 20
    var bytes = [UInt8](repeating: 0, count: byteLimit + 1)
    let count = try bytes.withUnsafeMutableBytes { try file.fill($0) }
    guard count <= byteLimit else {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "a text of at most \(byteLimit) bytes",
        found: "a longer one")
    }
    guard let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "text in UTF-8", found: "a binary file")
    }
    // The byte order mark of editors on other systems.
    return text.first == "\u{FEFF}" ? String(text.dropFirst()) : text
  }

  /// The first bytes of a file that was just opened, `count` of them where it has so many.
  package func start(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = try bytes.withUnsafeMutableBytes { try fill($0) }
    bytes.removeLast(count - found)
    return bytes
  }

  /// Fills the buffer from where the last call ended; fewer bytes are the file's last.
  package func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
      if count == 0 { break }
      if count > 0 {
        filled += count
      } else if errno != EINTR {
        throw ReferenceError.inputOutput(path: path, reason: String(cString: strerror(errno)))
      }
    }
    return filled
  }
}
