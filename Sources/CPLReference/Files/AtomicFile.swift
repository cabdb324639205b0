// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// A file that appears under its name whole or not at all.
///
/// Bytes go to a temporary file in the same folder, which takes the name once they have reached
/// the medium. Until then whatever had the name keeps it; a failure removes the temporary file. One
/// that a killed process left behind is removed by the next that writes into the folder; the lock
/// that every writer holds on its own tells which these are.
package struct AtomicFile: ~Copyable {
  /// The path as the caller gave it, for messages.
  private let path: String
  /// The path with the symbolic links at its end followed: a link is kept, its target replaced.
  private let target: String
  private let temporary: String
  private var descriptor: Int32
  private var isCommitted = false

  /// Writes the file at `path` with what `fill` gives it.
  package static func write<Result>(
    to path: String, _ fill: (borrowing AtomicFile) throws -> Result
  ) throws -> Result {
    var file = try AtomicFile(path)
    let result = try fill(file)
    try file.commit()
    return result
  }

  /// Writes the file at `path` with `bytes`.
  package static func write(_ bytes: some ContiguousBytes, to path: String) throws {
    try write(to: path) { try $0.append(bytes) }
  }

  private init(_ path: String) throws {
    let target = try Self.followingLinks(path)
    var status = stat()
    let replaces = stat(target, &status) == 0
    guard !replaces || status.st_mode & S_IFMT == S_IFREG else {
      let reason = status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no regular file"
      throw ReferenceError.cannotCreate(path: path, reason: reason)
    }
    Self.sweep(Folder.name(of: target) + ".")
    let (temporary, descriptor) = try Self.createTemporary(beside: target, for: path)
    // A file system without permissions may refuse; the bytes matter more.
    if replaces { _ = fchmod(descriptor, status.st_mode & 0o777) }
    self.path = path
    self.target = target
    self.temporary = temporary
    self.descriptor = descriptor
  }

  private static let prefix = ".cpl-verify-"
  private static let suffix = ".tmp"

  /// A new file, locked by this process.
  private static func createTemporary(
    beside target: String, for path: String
  ) throws -> (path: String, descriptor: Int32) {
    while true {
      let name = String(UInt64.random(in: .min ... .max), radix: 16)
      let temporary = Folder.name(of: target) + prefix + name + suffix
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw creationFailure(path, errno) }
      // A file system without locks has no sweeping either.
      var status = stat()
      if flock(descriptor, LOCK_EX) != 0 || fstat(descriptor, &status) != 0
        || status.st_nlink > 0
      {
        return (temporary, descriptor)
      }
      // Swept before it was locked.
      close(descriptor)
    }
  }

  /// Removes the temporary files in a folder whose writers are gone.
  private static func sweep(_ folder: String) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
    for name in names where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
      close(descriptor)
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporary) }
  }

  /// Appends `bytes`.
  package func append(_ bytes: some ContiguousBytes) throws {
    try bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let block = UnsafeRawBufferPointer(rebasing: rest)
        let count = writeSome(of: block, to: descriptor)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          throw failure(errno)
        }
      }
    }
  }

  private mutating func commit() throws {
    guard fsync(descriptor) == 0 else { throw failure(errno) }
    // Keeps the file locked until it has its name. Closing does not unlock it while a process that is being
    // started has the descriptor, too, and HDF5 reads no locked file.
    let lock = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    defer { if lock >= 0 { close(lock) } }
    // Some file systems report a full disk only here.
    let status = close(descriptor)
    descriptor = -1
    guard status == 0 else { throw failure(errno) }
    guard rename(temporary, target) == 0 else { throw Self.creationFailure(path, errno) }
    if lock >= 0 { flock(lock, LOCK_UN) }
    isCommitted = true
    try Folder.synchronize(of: target)
  }

  private func failure(_ code: Int32) -> ReferenceError {
    .inputOutput(path: path, reason: String(cString: strerror(code)))
  }

  private static func creationFailure(_ path: String, _ code: Int32) -> ReferenceError {
    let reason = String(cString: strerror(code))
    return [ENOSPC, EDQUOT, EIO].contains(code)
      ? .inputOutput(path: path, reason: reason) : .cannotCreate(path: path, reason: reason)
  }

  /// Where `path` leads when it names a symbolic link, even one that leads nowhere yet.
  private static func followingLinks(_ path: String) throws -> String {
    var path = path
    for _ in 0..<40 {
      var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = buffer.withUnsafeMutableBytes {
        readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      if count < 0 { return path }
      let link = String(decoding: buffer.prefix(count), as: UTF8.self)
      path = link.utf8.first == UInt8(ascii: "/") ? link : Folder.name(of: path) + link
    }
    throw creationFailure(path, ELOOP)
  }
}

/// The system's `write`, which the type's own method of that name hides.
private func writeSome(of block: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
  write(descriptor, block.baseAddress, block.count)
}
