// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The checker of bundles under `checker/`, where Python with NumPy is there to run it.
package enum IndependentChecker {
  /// Whether it can be run.
  package static let isAvailable = (try? run(["-m", "cpl_check", "--version"]))?.code == 0

  /// The checker's exit code for a bundle, and what it printed.
  package static func check(_ folder: String) throws -> (code: Int32, output: String) {
    try run(["-m", "cpl_check", folder])
  }

  /// The verdicts on many bundles, 0 where every claim holds, by one process.
  package static func verdicts(_ folders: [String]) throws -> [Int] {
    let script = """
      import sys
      from cpl_check.bundle import Bundle
      from cpl_check.verdict import check, overall
      for folder in sys.argv[1:]: print(overall(check(Bundle(folder))))
      """
    let (code, output) = try run(["-c", script] + folders)
    return code == 0 ? output.split(separator: "\n").compactMap { Int($0) } : []
  }

  private static func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PYTHONPATH": Fixture.repository.appending(path: "checker").path,
      "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1",
    ]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}
