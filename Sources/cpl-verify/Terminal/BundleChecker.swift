// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// The independent checker of bundles, a program of its own: `cpl-check`, where it is installed.
struct BundleChecker: Sendable {
  private let executable: String

  /// The first `cpl-check` on the path that runs; nil where there is none.
  static func find() -> BundleChecker? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").lazy
      .map { BundleChecker(executable: "\($0)/cpl-check") }
      .first { $0.exitCode(["--version"]) == 0 }
  }

  /// Whether it finds that every claim of the bundle in a folder holds.
  ///
  /// - Throws: `ReferenceError.missing` where it cannot be started any more.
  func accepts(_ folder: String) throws -> Bool {
    guard let code = exitCode([folder]) else { throw ReferenceError.missing(path: executable) }
    return code == 0
  }

  /// Its exit code, 256 where a signal ended it; nil where it cannot be started.
  private func exitCode(_ arguments: [String]) -> Int32? {
    ExternalProgram.run(executable, arguments).map { $0.exitCode ?? 256 }
  }
}
