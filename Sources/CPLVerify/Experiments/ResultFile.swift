// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// A file for results.
package enum ResultFile {
  /// Checks that the file can be made, before hours are spent on what goes into it, that it is not the
  /// file of weights, and that nothing is lost by it.
  ///
  /// - Parameter force: whether a file that is there may be replaced.
  package static func check(
    _ out: String, notReplacing weights: String, force: Bool
  ) throws {
    func fail(_ reason: String) -> ReferenceError { .cannotCreate(path: out, reason: reason) }
    var (file, other) = (stat(), stat())
    if stat(out, &file) == 0 {
      if stat(weights, &other) == 0, file.st_dev == other.st_dev, file.st_ino == other.st_ino {
        throw fail("the weights are in it")
      }
      guard file.st_mode & S_IFMT == S_IFREG else {
        throw fail(file.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no regular file")
      }
      guard force else { throw HintedError.refusal(toReplace: out) }
    }
    // Not written through: what is there stays until the results replace it.
    let folder = URL(fileURLWithPath: out).resolvingSymlinksInPath().deletingLastPathComponent()
    let probe = folder.appending(path: ".cpl-verify-\(UUID().uuidString).tmp").path
    let descriptor = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw fail(String(cString: strerror(errno))) }
    close(descriptor)
    unlink(probe)
  }
}
