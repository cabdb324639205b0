// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

extension HDF5Isolation.Helper {
  /// Has the helper read a file that is open.
  ///
  /// - Parameter path: the file's, for messages.
  func read(_ descriptor: Int32, byteCount: Int, path: String) throws -> HDF5Contents {
    var pipe: [Int32] = [0, 0]
    guard Foundation.pipe(&pipe) == 0 else {
      throw ReferenceError.inputOutput(path: path, reason: String(cString: strerror(errno)))
    }
    for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(pipe[0]) }
    let started = Result { try start(input: descriptor, output: pipe[1], path: path) }
    close(pipe[1])
    let process = try started.get()
    let answer = answer(from: pipe[0], byteCount: byteCount)
    // Whoever does not answer as agreed is not waited for.
    if answer == nil { kill(process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    if let answer, status == 0, let contents = HDF5Contents(answer, path: path) { return contents }
    throw ReferenceError.invalid(
      path: path, location: "", expected: "an HDF5 file that the HDF5 library can read",
      found: Self.failure(status, byteCount: byteCount))
  }

  /// Starts the helper with these descriptors as its standard input and output, in a group of its
  /// own, so that a terminal's Ctrl-C is for this process alone.
  private func start(input: Int32, output: Int32, path: String) throws -> pid_t {
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
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var arguments = ([executable] + arguments).map { strdup($0) }
    defer { arguments.forEach { free($0) } }
    arguments.append(nil)
    // One thread is enough, and makes the start faster.
    var environment = [strdup("OPENBLAS_NUM_THREADS=1")]
    defer { environment.forEach { free($0) } }
    environment.append(nil)
    var process: pid_t = 0
    let code = posix_spawn(&process, executable, &actions, &attributes, arguments, environment)
    guard code == 0 else {
      throw ReferenceError.inputOutput(
        path: path, reason: "cannot start a process to read it: \(String(cString: strerror(code)))")
    }
    return process
  }

  /// Reads the two sizes and the two parts of an answer; nil for anything else.
  private func answer(from descriptor: Int32, byteCount: Int) -> (header: Data, data: [UInt8])? {
    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
      var filled = 0
      while filled < buffer.count {
        let count = Foundation.read(
          descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        if count == 0 || (count < 0 && errno != EINTR) { return false }
        filled += max(0, count)
      }
      return true
    }
    var sizes: [UInt64] = [0, 0]
    guard sizes.withUnsafeMutableBytes(fill),
      sizes[0] <= HDF5Contents.headerLimit, sizes[1] <= HDF5Contents.dataLimit(byteCount),
      InputFile.hasMemory(Int(sizes[1]))
    else { return nil }
    var isWhole = true
    let parts = sizes.map { size in
      [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
        isWhole = isWhole && fill(UnsafeMutableRawBufferPointer(buffer))
        count = isWhole ? Int(size) : 0
      }
    }
    return isWhole ? (Data(parts[0]), parts[1]) : nil
  }

  private static func failure(_ status: Int32, byteCount: Int) -> String {
    switch status & 0x7f {
    case 0: "one that it runs out of memory on, or that makes it fail (code \(status >> 8))"
    case SIGXCPU, SIGKILL:
      "one that takes more than \(HDF5Isolation.secondsLimit(byteCount)) s"
    case let signal: "one that makes it crash (signal \(signal))"
    }
  }
}
