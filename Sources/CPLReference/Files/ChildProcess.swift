// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A process of another program, or of this one again. Its standard error goes nowhere.
package struct ChildProcess {
  /// Why a process cannot be started, in the system's words.
  package struct Failure: Error {
    package let reason: String
  }

  private let identifier: pid_t

  /// Starts a program, by its path or looked for on PATH, with two descriptors as its standard input and output, and with
  /// signals as they are by default.
  ///
  /// - Parameters:
  ///   - environment: all of it, as "NAME=value".
  ///   - ownGroup: whether it has a group of its own, so that a terminal's Ctrl-C is for this process alone.
  /// - Throws: `Failure` where it cannot be started.
  package init(
    _ program: String, _ arguments: [String], environment: [String], input: Int32, output: Int32,
    ownGroup: Bool = false
  ) throws(Failure) {
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
    let group = ownGroup ? POSIX_SPAWN_SETPGROUP : 0
    posix_spawnattr_setflags(
      &attributes, Int16(group | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var words = ([program] + arguments).map { strdup($0) }
    var variables = environment.map { strdup($0) }
    defer { (words + variables).forEach { free($0) } }
    words.append(nil)
    variables.append(nil)
    var identifier: pid_t = 0
    let code = posix_spawnp(&identifier, program, &actions, &attributes, words, variables)
    guard code == 0 else { throw Failure(reason: String(cString: strerror(code))) }
    self.identifier = identifier
  }

  /// Ends it at once.
  package func kill() { _ = Foundation.kill(identifier, SIGKILL) }

  /// Waits for its end.
  ///
  /// - Returns: its status, as `waitpid` has it.
  package func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    return status
  }
}
