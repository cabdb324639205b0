// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The program under test, run as people run it.
enum Program {
  /// Where the program was built: beside these tests, or else as a release.
  static let path: String? = {
    let beside = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let bundle = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
    return [beside, bundle, repository.appending(path: ".build/release")].compactMap { $0?.path }
      .map { $0 + "/cpl-verify" }
      .first(where: FileManager.default.isExecutableFile)
  }()

  /// The root of the repository.
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Runs the program to its end, in a folder that relative paths start from.
  static func run(_ arguments: [String], in folder: String) throws -> Outcome {
    try start(arguments, in: folder).wait()
  }

  /// Runs the program to its end, its words separated by spaces.
  static func run(_ line: String, in folder: String) throws -> Outcome {
    try run(line.split(separator: " ").map(String.init), in: folder)
  }

  /// Starts the program and does not wait for it.
  static func start(_ arguments: [String], in folder: String) throws -> RunningProgram {
    try RunningProgram(executable: try #require(path), arguments, in: folder)
  }

  /// Runs a line of shell in which `$0` is the program.
  static func shell(_ line: String, in folder: String) throws -> Outcome {
    try RunningProgram(executable: "/bin/sh", ["-c", line, try #require(path)], in: folder).wait()
  }
}

/// A program that was started. What it writes goes into files, so that it never waits for a reader.
final class RunningProgram {
  private let process = Process()
  private let log: String

  var identifier: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }

  init(executable: String, _ arguments: [String], in folder: String) throws {
    log = NSTemporaryDirectory() + "/cpl-verify-log-\(UUID().uuidString)"
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    for name in ["out", "err"] {
      _ = FileManager.default.createFile(atPath: "\(log).\(name)", contents: nil)
    }
    process.standardOutput = FileHandle(forWritingAtPath: log + ".out")
    process.standardError = FileHandle(forWritingAtPath: log + ".err")
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    for name in ["out", "err"] { unlink("\(log).\(name)") }
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits until `condition` holds or the program has ended.
  func wait(until condition: () -> Bool) {
    while process.isRunning, !condition() { usleep(2000) }
  }

  /// Waits for the end.
  func wait() throws -> Outcome {
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      String(
        decoding: try Data(contentsOf: URL(fileURLWithPath: "\(log).\(name)")), as: UTF8.self)
    }
    return Outcome(
      code: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus,
      output: try text("out"), error: try text("err"))
  }
}

/// How a run of the program ended.
struct Outcome {
  /// The exit code; 128 and the signal's number where a signal ended it, as a shell tells it.
  let code: Int32
  let output: String
  let error: String

  /// Standard output as the one JSON object that it should be.
  func json() throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
      "standard output is one JSON object: \(output)")
  }

  /// The message, when standard error holds one of the program's own and nothing else.
  var message: String? {
    let prefix = "cpl-verify: error: "
    guard error.hasPrefix(prefix), error.hasSuffix("\n"), output.isEmpty else { return nil }
    let lines = error.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count == 1 ? String(lines[0].dropFirst(prefix.count)) : nil
  }

  /// The complaint about how the program was called, when there is one and nothing else.
  var misuse: String? {
    guard error.hasPrefix("Error: "), output.isEmpty else { return nil }
    return error.split(separator: "\n").first.map { String($0.dropFirst("Error: ".count)) }
  }
}

extension Outcome: CustomStringConvertible {
  var description: String { "code \(code)\nstdout: \(output)\nstderr: \(error)" }
}

/// Expects that the program refused what it was given: with one message, nothing on standard output
/// and this code.
func expectRefusal(
  _ outcome: Outcome, code: Int32, _ texts: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.code == code, "\(outcome)", sourceLocation: sourceLocation)
  let message = code == 64 ? outcome.misuse : outcome.message
  #expect(message != nil, "one message: \(outcome)", sourceLocation: sourceLocation)
  for text in texts {
    #expect(
      message?.contains(text) == true, "'\(text)': \(outcome)", sourceLocation: sourceLocation)
  }
}
