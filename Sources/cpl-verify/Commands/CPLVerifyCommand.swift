import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

@main
struct CPLVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpl-verify",
    abstract:
      "Trains, bounds, certifies and attacks 1-Lipschitz networks of convex potential layers.",
    discussion: """
      Exit codes: 0 everything asked was done and holds; 1 a property or a certificate is violated; \
      2 inconclusive, or not broken and not proved; 64 usage; 65 invalid input; \
      66 input missing; 73 cannot create output; 74 input/output failed; 130 interrupted; \
      143 terminated.
      """,
    version: Program.version,
    subcommands: [
      TrainCommand.self, EvaluateCommand.self, BoundsCommand.self, CertifyCommand.self,
      AttackCommand.self, AuditCommand.self, VerifyCommand.self, SelftestCommand.self,
      ReportCommand.self, LeaderboardCommand.self, ReproduceCommand.self, InspectCommand.self,
      ConvertCommand.self,
      SynthesizeCommand.self,
    ])

  /// What the program is started with to read an HDF5 file for another of its kind.
  private static let readerArguments = ["--read-hdf5-for-parent"]

  static func main() {
    if Array(CommandLine.arguments.dropFirst()) == readerArguments {
      Foundation.exit(HDF5Isolation.serve())
    }
    HDF5Isolation.use(executable: "/proc/self/exe", arguments: readerArguments)
    FreedMemory.keep()
    StandardStream.reserve()
    Provenance.begin()
    Interruption.install()
    do {
      try ThreadArithmetic.check()
      var command = try parseAsRoot()
      if let core = (command as? any PinnableCommand)?.options.blasCore { try core.pin() }
      try command.run()
    } catch {
      Exit.leave(with: error)
    }
  }
}

/// What this program is.
enum Program {
  static let number = "0.1.0"

  /// The commit that it was built from, with "-dirty" for a changed tree; "unknown" outside a git
  /// checkout.
  static let commit = buildCommit

  /// The compiler that it was built with.
  static var compiler: String {
    #if compiler(>=6.3)
      "6.3"
    #elseif compiler(>=6.2)
      "6.2"
    #else
      "6"
    #endif
  }

  /// What tells this program from every other that might compute something else.
  static func identity() throws -> String {
    // A commit says nothing of the changes made to it.
    commit == "unknown" || commit.hasSuffix("-dirty")
      ? "\(version), SHA-256 \(try Digest.ofFile("/proc/self/exe"))" : version
  }

  /// The command that it was started with, ready for a shell.
  static var command: String { command(without: nil) }

  /// The same but for a flag.
  static func command(without flag: String?) -> String {
    Provenance.shellCommand(
      ["cpl-verify"] + CommandLine.arguments.dropFirst().filter { $0 != flag })
  }

  static var version: String { "cpl-verify \(number) (\(commit))" }
}
