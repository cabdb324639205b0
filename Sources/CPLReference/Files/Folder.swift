// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// Folders for outputs.
package enum Folder {
  /// Makes the folder at `path`, and those above it, where they are not there yet.
  package static func create(_ path: String) throws {
    var position = path.startIndex
    while position < path.endIndex {
      position = path[path.index(after: position)...].firstIndex(of: "/") ?? path.endIndex
      let prefix = String(path[..<position])
      if mkdir(prefix, 0o777) == 0 || isFolder(prefix) { continue }
      let code = errno == EEXIST ? ENOTDIR : errno
      let reason = code == ENOTDIR ? "\(prefix) is a file" : String(cString: strerror(code))
      throw [ENOSPC, EDQUOT, EIO].contains(code)
        ? ReferenceError.inputOutput(path: path, reason: reason)
        : ReferenceError.cannotCreate(path: path, reason: reason)
    }
  }

  /// Makes an empty folder for temporary files.
  package static func temporary() throws -> String {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString)").path
    try create(path)
    return path
  }

  /// Makes the folder at `path` with the files that `fill` writes into another one, whole or not at all: one that a
  /// killed process left behind is `path` with ".partial" at its end, and is begun again.
  ///
  /// - Precondition: no other process is writing it.
  /// - Parameter replacing: whether what has the name may go.
  /// - Throws: `ReferenceError.cannotCreate` also where there is something else than an empty folder, and it may not.
  package static func write(
    _ path: String, replacing: Bool, _ fill: (_ partial: String) throws -> Void
  ) throws {
    let partial = path + ".partial"
    remove(partial)
    try create(partial)
    do {
      try fill(partial)
      let former = path + ".replaced"
      remove(former)
      let isAside = replacing && rename(path, former) == 0
      guard rename(partial, path) == 0 else {
        let reason = String(cString: strerror(errno))
        if isAside { rename(former, path) }
        throw ReferenceError.cannotCreate(path: path, reason: reason)
      }
      remove(former)
    } catch {
      remove(partial)
      throw error
    }
    try synchronize(of: path)
  }

  /// Removes a temporary folder, as far as that can be done.
  package static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

  /// Makes a new name in the folder of `path` durable, where the file system has a notion of it.
  static func synchronize(of path: String) throws {
    let folder = open(name(of: path) + ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }  // A folder may be writable and yet not readable.
    defer { close(folder) }
    guard fsync(folder) == 0 || errno == EINVAL else {
      throw ReferenceError.inputOutput(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// The part of `path` up to its last slash, that included; empty for a bare name.
  static func name(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[...slash])
  }

  private static func isFolder(_ path: String) -> Bool {
    let code = errno
    defer { errno = code }
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
