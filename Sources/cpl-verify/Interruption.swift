import Foundation
import Synchronization

/// SIGINT and SIGTERM, noted when they come and acted on where work can be saved. A second signal
/// ends the program at once.
enum Interruption {
  private static let received = Atomic<Int32>(0)

  static func install() {
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        if Interruption.received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
    }
  }

  /// Whether the program was asked to stop.
  static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit code that tells which signal came.
  static var code: Exit {
    received.load(ordering: .relaxed) == SIGTERM ? .terminated : .interrupted
  }

  /// Leaves if the program was asked to stop.
  static func check() throws {
    if isRequested { throw code }
  }
}
