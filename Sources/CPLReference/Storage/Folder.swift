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

  private static func isFolder(_ path: String) -> Bool {
    let code = errno
    defer { errno = code }
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
