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
    let mount = try #require(Tool("mount"))
    try #require(mount.run(["-t", "tmpfs", "-o", options, "tmpfs", folder]).status == 0)
    defer { _ = try? Tool("umount")?.run([folder]) }
    return try body(folder)
  }
}

/// Whether this process may mount file systems.
let canMount: Bool = (try? withFileSystem(options: "size=64k") { _ in true }) ?? false

/// A program on the PATH.
struct Tool {
  let path: String

  init?(_ name: String) {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    let paths = folders.map { "\($0)/\(name)" }
    guard let path = paths.first(where: FileManager.default.isExecutableFile) else { return nil }
    self.path = path
  }

  /// Runs the program to its end.
  func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  /// A Python that has h5py.
  static let h5py: Tool? = {
    guard let python = Tool("python3") else { return nil }
    return (try? python.run(["-c", "import h5py"]).status) == 0 ? python : nil
  }()

  static let h5dump = Tool("h5dump")

  /// Runs a Python script with h5py and NumPy imported; `path` names the file that it works on.
  static func python(_ script: String, path: String) throws {
    let lines = "import sys, h5py, numpy as np\npath = sys.argv[1]\n" + script
    let (status, output) = try #require(h5py).run(["-c", lines, path])
    try #require(status == 0, Comment(rawValue: output))
  }
}

func bytes(of path: String) throws -> [UInt8] {
  try Array(Data(contentsOf: URL(fileURLWithPath: path)))
}

func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

func overwrite(_ byte: UInt8, at offset: Int, of path: String) throws {
  let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
  try file.seek(toOffset: UInt64(offset))
  try file.write(contentsOf: [byte])
  try file.close()
}
