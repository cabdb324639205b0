// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// SIGINT, SIGTERM and SIGUSR1, which batch systems send and mpirun hands on, noted when they come and acted
/// on where work can be saved. A second signal ends the program at once.
enum Interruption {
  private static let received = Atomic<Int32>(0)

  static func install() {
    signal(SIGPIPE, SIG_IGN)
    // A parent may have started the program with signals held back.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGUSR1)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      signal(number) { number in
        if Interruption.received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
    }
  }

  /// Whether the program was asked to stop.
  static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit code that tells which signal came.
  static var code: Exit {
    received.load(ordering: .relaxed) == SIGINT ? .interrupted : .terminated
  }

  /// Ends the program, from any thread, if it was asked to stop: where nothing is there to save and
  /// the work at hand may take minutes.
  static func leaveIfRequested() {
    guard isRequested else { return }
    Progress.removeBar()
    _exit(code.rawValue)
  }

  /// Leaves if the program was asked to stop.
  static func check() throws {
    if isRequested { throw code }
  }
}
