// SPDX-License-Identifier: Apache-2.0

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
      Exit codes: \(Exit.meanings.map { "\($0.code) \($0.meaning)" }.joined(separator: "; ")).

      More is told by \(HelpTopic.allCases.map { "'cpl-verify help \($0)'" }.joined(separator: ", ")).
      """,
    version: Program.version,
    subcommands: [
      TrainCommand.self, EvaluateCommand.self, BoundsCommand.self, CertifyCommand.self,
      ProveCommand.self, AttackCommand.self, AuditCommand.self, WatchCommand.self,
      VerifyCommand.self, SelftestCommand.self, ReportCommand.self, LeaderboardCommand.self,
      ReproduceCommand.self, InspectCommand.self, ConvertCommand.self, SynthesizeCommand.self,
      DevicesCommand.self,
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
      if let topic = HelpTopic(CommandLine.arguments) { return try topic.show() }
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
  static let number = buildVersion

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
