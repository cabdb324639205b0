// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

/// How the program ends. The codes are those of BSD's sysexits where there is one.
enum Exit: Int32, Error, CaseIterable {
  case violated = 1
  case inconclusive = 2
  case usage = 64
  case invalidInput = 65
  case missingInput = 66
  case cannotCreate = 73
  case inputOutput = 74
  case interrupted = 130
  case terminated = 143

  /// What it says, as a few words.
  private var meaning: String {
    switch self {
    case .violated: "a property, a certificate or a requirement is violated"
    case .inconclusive: "inconclusive, or not broken and not proved"
    case .usage: "usage"
    case .invalidInput: "invalid input"
    case .missingInput: "input missing"
    case .cannotCreate: "cannot create output"
    case .inputOutput: "input/output failed"
    case .interrupted: "interrupted"
    case .terminated: "terminated"
    }
  }

  /// Every code that the program ends with, and what it says.
  static let meanings =
    [(code: EXIT_SUCCESS, meaning: "everything asked was done and holds")]
    + allCases.map { (code: $0.rawValue, meaning: $0.meaning) }

  /// Ends the program with the code and the message that belong to `error`.
  static func leave(with error: any Error) -> Never { exit(tell(error)) }

  /// Writes the message that belongs to `error`, and returns the code.
  static func tell(_ error: any Error) -> Int32 {
    Progress.removeBar()
    let error = (error as? UsageError).map { ValidationError($0.description) } ?? error
    if let code = error as? Exit { return code.rawValue }
    if case .toldByFirst(let error) = error as? RankFailure {
      return (error.map(code) ?? terminated).rawValue
    }
    if let code = ownCode(of: error) {
      report("\(error)")
      return code.rawValue
    }
    // The parser's own: help and versions, which were asked for, and misuse.
    let message = CPLVerifyCommand.fullMessage(for: error)
    switch CPLVerifyCommand.exitCode(for: error) {
    case .success:
      do { try Output.line(message) } catch { return tell(error) }
      return EXIT_SUCCESS
    case .validationFailure:
      StandardStream.error.write(message + "\n")
      return usage.rawValue
    default:
      // The system's, from a place that expects none: never 1, which says that a property fails.
      report("\(error)")
      return inputOutput.rawValue
    }
  }

  /// The code of an error of this package; nil for any other.
  private static func ownCode(of error: any Error) -> Exit? {
    switch error {
    case let error as HintedError: code(of: error.error)
    case let error as ReferenceError: code(of: error)
    case let error as VerificationError: code(of: error)
    case let error as DeviceError: code(of: error)
    case .on(_, let error, _) as RankFailure: code(of: error)
    default: nil
    }
  }

  private static func code(of error: ReferenceError) -> Exit {
    switch error {
    case .missing: .missingInput
    case .invalid, .mismatch, .nonFinite: .invalidInput
    case .cannotCreate: .cannotCreate
    case .inputOutput: .inputOutput
    }
  }

  private static func code(of error: VerificationError) -> Exit {
    switch error {
    case .notFinite, .invalid: .invalidInput
    case .enclosureNotFound: .inconclusive
    }
  }

  private static func code(of error: DeviceError) -> Exit {
    switch error {
    case .unavailable: .usage
    case .unsupported: .invalidInput
    case .outOfMemory, .lost: .inputOutput
    }
  }

  private static func report(_ message: String) {
    StandardStream.error.write("cpl-verify: error: \(message)\n")
  }
}
