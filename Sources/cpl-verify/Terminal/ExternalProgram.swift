// SPDX-License-Identifier: Apache-2.0

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
    guard let process = start(program, arguments, environment, fileno(source), fileno(target))
    else { return nil }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    lseek(fileno(target), 0, SEEK_SET)
    let output = FileHandle(fileDescriptor: fileno(target), closeOnDealloc: false)
    return Outcome(
      exitCode: status & 0x7f == 0 ? status >> 8 & 0xff : nil,
      output: (try? output.readToEnd()) ?? Data())
  }

  private static func start(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ input: Int32,
    _ output: Int32
  ) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var words = ([program] + arguments).map { strdup($0) }
    var assignments = variables.map { strdup("\($0)=\($1)") }
    defer { (words + assignments).forEach { free($0) } }
    words.append(nil)
    assignments.append(nil)
    var process: pid_t = 0
    return posix_spawnp(&process, program, &actions, &attributes, words, assignments) == 0
      ? process : nil
  }
}
