// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Reading HDF5 files in a process of its own.
///
/// HDF5's C library is not proof against hostile files: some make it crash, loop, or read beyond
/// its memory. A program that calls `use` has every file read by a helper process with limits on
/// memory and time, which sends back what the file says; whatever happens to the helper is
/// `ReferenceError.invalid` here. Without it files are read in this process, which is for files
/// that one has written oneself.
public enum HDF5Isolation {
  /// How a helper is started.
  package struct Helper: Sendable {
    let executable: String
    let arguments: [String]

    package init(executable: String, arguments: [String]) {
      self.executable = executable
      self.arguments = arguments
    }
  }

  private static let current = Mutex<Helper?>(nil)

  static var helper: Helper? { current.withLock(\.self) }

  /// Has HDF5 files read by a helper from now on.
  ///
  /// - Parameters:
  ///   - executable: a program that calls `serve` when it is started with these arguments, and does
  ///     nothing else; "/proc/self/exe" is this one.
  ///   - arguments: without the program's name.
  public static func use(executable: String, arguments: [String]) {
    current.withLock { $0 = Helper(executable: executable, arguments: arguments) }
  }

  /// What the helper does: reads the HDF5 file that is its standard input, and writes what the file
  /// says to its standard output.
  ///
  /// - Returns: the process's exit code.
  public static func serve() -> Int32 {
    var status = stat()
    guard fstat(STDIN_FILENO, &status) == 0 else { return EXIT_FAILURE }
    limitResources(byteCount: Int(status.st_size))
    let answer = HDF5Contents(ofFileAt: "/proc/self/fd/0", byteCount: Int(status.st_size))
    guard let (header, data) = try? answer.encoded() else { return EXIT_FAILURE }
    let sizes = [UInt64(header.count), data.reduce(0) { $0 + UInt64($1.count) }]
    return sizes.withUnsafeBytes { writeAll($0) } && header.withUnsafeBytes { writeAll($0) }
      && data.allSatisfy { $0.withUnsafeBytes { writeAll($0) } } ? EXIT_SUCCESS : EXIT_FAILURE
  }

  /// How many seconds of a processor's time a file may take to read: far more than honest ones do.
  static func secondsLimit(_ byteCount: Int) -> Int { 1 + byteCount >> 22 }

  private static func limitResources(byteCount: Int) {
    func limit(_ resource: __rlimit_resource, _ value: Int) {
      var limit = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
      setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    }
    // What is mapped already: libraries and their threads.
    let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))
      .flatMap { $0.split(separator: " ").first.flatMap { Int($0) } }
    // And what is read, with room for HDF5's own.
    limit(
      RLIMIT_AS,
      (pages ?? 1 << 18) * sysconf(Int32(_SC_PAGESIZE)) + HDF5Contents.dataLimit(byteCount)
        + 4 * byteCount + 1 << 26)
    limit(RLIMIT_CPU, secondsLimit(byteCount))
    limit(RLIMIT_FSIZE, 0)
    limit(RLIMIT_CORE, 0)
  }

  private static func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let block = UnsafeRawBufferPointer(rebasing: rest)
      let count = write(STDOUT_FILENO, block.baseAddress, block.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
