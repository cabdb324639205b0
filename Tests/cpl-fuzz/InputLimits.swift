// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a reader may take for one input: a second of the processor's time, and four times the
/// input's size and 64 MiB of memory. Whatever exceeds it ends the process.
///
/// Memory is counted from what the process has when it begins, so what an earlier input left behind
/// counts against the later ones.
struct InputLimits {
  /// What the process has mapped without any input; nil where memory is not limited.
  private let baseline: Int?

  init() {
    // The sanitizers reserve memory without bound.
    let isLimited = ProcessInfo.processInfo.environment["CPL_FUZZ_UNLIMITED"] == nil
    let pages =
      (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))
      .flatMap { $0.split(separator: " ").first.flatMap { Int($0) } } ?? 0
    baseline = isLimited ? pages * sysconf(Int32(_SC_PAGESIZE)) : nil
    // Who starts this process may have signals blocked, as threads of Dispatch have.
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    for signal in [SIGPROF, SIGALRM, SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = InputLimits.report
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND) | UInt32(SA_NODEFER))
      sigaction(signal, &action, nil)
    }
  }

  /// Starts the limits of an input.
  func begin(_ number: Int, byteCount: Int) {
    InputLimits.number = number
    set(memory: 64 << 20 + 4 * byteCount)
    set(seconds: 1)
  }

  /// Ends them.
  func end() { set(seconds: 0) }

  private func set(memory byteCount: Int) {
    guard let baseline else { return }
    var limits = rlimit(
      rlim_cur: rlim_t(baseline + byteCount), rlim_max: rlim_t.max)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits)
  }

  /// Of the processor's time; of waiting for something, two minutes each, for the processor may be
  /// busy with other things.
  private func set(seconds: Int) {
    for (timer, seconds) in [(ITIMER_PROF, seconds), (ITIMER_REAL, 120 * seconds)] {
      var value = itimerval(
        it_interval: timeval(), it_value: timeval(tv_sec: seconds, tv_usec: 0))
      setitimer(__itimer_which_t(timer.rawValue), &value, nil)
    }
  }

  /// The input that is being read; only the one thread writes it.
  nonisolated(unsafe) private static var number = 0

  /// Says which input ended the process and lets the signal end it. Calls nothing that a signal's
  /// handler may not.
  private static let report: @convention(c) (Int32) -> Void = { signal in
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { line in
      var (place, rest) = (line.count - 1, InputLimits.number)
      line[place] = UInt8(ascii: "\n")
      repeat {
        place -= 1
        line[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      for character in "input ".utf8.reversed() {
        place -= 1
        line[place] = character
      }
      write(STDERR_FILENO, line.baseAddress! + place, line.count - place)
    }
    raise(signal)
  }
}
