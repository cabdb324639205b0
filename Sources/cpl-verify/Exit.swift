import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

/// How the program ends. The codes are those of BSD's sysexits where there is one.
enum Exit: Int32, Error {
  case violated = 1
  case inconclusive = 2
  case usage = 64
  case invalidInput = 65
  case missingInput = 66
  case cannotCreate = 73
  case inputOutput = 74
  case interrupted = 130
  case terminated = 143

  /// Ends the program with the code and the message that belong to `error`.
  static func leave(with error: any Error) -> Never {
    switch error {
    case let code as Exit:
      exit(code.rawValue)
    case let error as ReferenceError:
      report("\(error)")
      exit(code(of: error).rawValue)
    case let error as VerificationError:
      report("\(error)")
      exit(code(of: error).rawValue)
    default:
      CPLVerifyCommand.exit(withError: error)
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

  private static func report(_ message: String) {
    FileHandle.standardError.write(Data("cpl-verify: error: \(message)\n".utf8))
  }
}
