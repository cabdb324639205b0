// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// A program other than this one, run to its end.
///
/// Not Foundation's `Process`: where no loopback network is, as in containers without any, its wait may never end.
enum ExternalProgram {
  /// What a program came to.
  struct Outcome {
    /// Nil where a signal ended it.
    let exitCode: Int32?
    /// What it wrote to its standard output.
    let output: Data
  }

  /// Runs a program, by its path or looked for on PATH, with `input` for its standard input.
  ///
  /// - Parameter environment: what its environment has beside this program's own.
  /// - Returns: nil where it cannot be started.
  static func run(
    _ program: String, _ arguments: [String], input: Data = Data(),
    environment: [String: String] = [:]
  ) -> Outcome? {
    // Files, which no reader or writer waits for.
    guard let source = tmpfile() else { return nil }
    defer { fclose(source) }
    guard let target = tmpfile() else { return nil }
    defer { fclose(target) }
    let isWritten = input.withUnsafeBytes { bytes in
      bytes.isEmpty || fwrite(bytes.baseAddress, bytes.count, 1, source) == 1
    }
    guard isWritten, fflush(source) == 0 else { return nil }
    rewind(source)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    guard
      let process = try? ChildProcess(
        program, arguments, environment: variables.map { "\($0)=\($1)" }, input: fileno(source),
        output: fileno(target))
    else { return nil }
    let status = process.wait()
    lseek(fileno(target), 0, SEEK_SET)
    let output = FileHandle(fileDescriptor: fileno(target), closeOnDealloc: false)
    return Outcome(
      exitCode: status & 0x7f == 0 ? status >> 8 & 0xff : nil,
      output: (try? output.readToEnd()) ?? Data())
  }
}
