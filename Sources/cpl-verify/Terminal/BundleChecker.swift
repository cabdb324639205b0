// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// The independent checker of bundles, a program of its own: `cpl-check`, where it is installed.
struct BundleChecker: Sendable {
  private let executable: URL

  /// The first `cpl-check` on the path that runs; nil where there is none.
  static func find() -> BundleChecker? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").lazy
      .map { BundleChecker(executable: URL(fileURLWithPath: "\($0)/cpl-check")) }
      .first { (try? $0.status(["--version"])) == 0 }
  }

  /// Whether it finds that every claim of the bundle in a folder holds.
  func accepts(_ folder: String) throws -> Bool { try status([folder]) == 0 }

  /// Its exit code, 256 where a signal ended it.
  private func status(_ arguments: [String]) throws -> Int32 {
    guard FileManager.default.isExecutableFile(atPath: executable.path) else {
      throw ReferenceError.missing(path: executable.path)
    }
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : 256
  }
}
