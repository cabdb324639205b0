// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

extension RecordedReading {
  /// How a command reads weights and images.
  ///
  /// - Throws: for anything but a command that judges a network.
  init(command text: String) throws {
    let words = Provenance.firstCommand(in: text)
    let command = try CPLVerifyCommand.parseAsRoot(Array(words.dropFirst()))
    switch command {
    case let command as any JudgingCommand:
      self.init(
        .file(command.weights.weights, command.weights.unstored.settings),
        command.dataOptions.images)
    case let command as VerifyCommand:
      self.init(
        command.weights.map { RecordedReading.Weights.file($0, command.unstored.settings) }
          ?? .named,
        command.dataOptions.images)
    case let command as ReproduceCommand: self.init(.named, command.dataOptions.images)
    default:
      throw ReferenceError.mismatch(
        expected: "a command that judges a network", found: words.prefix(2).joined(separator: " "))
    }
  }
}

/// A command that judges the network in a file by images.
protocol JudgingCommand: ParsableCommand {
  var weights: WeightsOptions { get }
  var dataOptions: DataOptions { get }
}

extension EvaluateCommand: JudgingCommand {}
extension BoundsCommand: JudgingCommand {}
extension CertifyCommand: JudgingCommand {}
extension AttackCommand: JudgingCommand {}
extension AuditCommand: JudgingCommand {}
