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
    if answer == nil { process.kill() }
    let status = process.wait()
    if let answer, status == 0, let contents = HDF5Contents(answer, path: path) { return contents }
    throw ReferenceError.invalid(
      path: path, location: "", expected: "an HDF5 file that the HDF5 library can read",
      found: Self.failure(status, byteCount: byteCount))
  }

  private func start(input: Int32, output: Int32, path: String) throws -> ChildProcess {
    do {
      // One thread is enough, and makes the start faster.
      return try ChildProcess(
        executable, arguments, environment: ["OPENBLAS_NUM_THREADS=1"], input: input,
        output: output, ownGroup: true)
    } catch {
      throw ReferenceError.inputOutput(
        path: path, reason: "cannot start a process to read it: \(error.reason)")
    }
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
