// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the kernel says of this process (Linux; elsewhere nothing).
enum ProcessMemory {
  /// The largest resident memory since the last reset.
  static var peakBytes: Int? { status("VmHWM") }

  /// The resident memory.
  static var residentBytes: Int? { status("VmRSS") }

  /// Sets the peak back to the resident memory of now, where the kernel allows it (proc(5),
  /// /proc/[pid]/clear_refs). Where it does not, the peak stays that of the whole process.
  static func resetPeak() {
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }

  /// The processor time that all threads have used.
  static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func status(_ key: String) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key + ":") }),
      let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({
        Int($0)
      })
    else { return nil }
    return kibibytes * 1024
  }
}
