// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Runs `body` with the path of an empty folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("cpl-verify-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

/// Runs `body` with the path of a small file system of its own, mounted with `options`.
func withFileSystem<Result>(options: String, _ body: (String) throws -> Result) throws -> Result {
  try withTemporaryFolder { folder in
    let mount = RunningProgram.tool("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder])
    try #require(try mount().code == 0)
    defer { _ = try? RunningProgram.tool("umount", [folder])() }
    return try body(folder)
  }
}

/// Whether this process may mount file systems; root alone may, and permissions do not bind root.
let canMount: Bool = (try? withFileSystem(options: "size=64k") { _ in true }) ?? false

/// Whether the long tests are wanted.
let runsSlowTests = ProcessInfo.processInfo.environment["CPL_SLOW_TESTS"] == "1"

/// The folder with real data sets, if there is one.
let realData = ProcessInfo.processInfo.environment["CPL_DATA"]

extension RunningProgram {
  /// A program on the PATH.
  static func tool(_ name: String, _ arguments: [String]) -> () throws -> Outcome {
    {
      try RunningProgram(executable: "/usr/bin/env", [name] + arguments, in: "/").wait()
    }
  }
}

func write(_ text: String, to path: String) throws {
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

func bytes(of path: String) throws -> [UInt8] {
  try Array(Data(contentsOf: URL(fileURLWithPath: path)))
}

func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

/// The names in a folder, in order.
func names(in folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}
