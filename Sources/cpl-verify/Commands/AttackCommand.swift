// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct AttackCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack", abstract: "Runs one attack on test images.",
    discussion: """
      Inside the ball of radius --epsilon:
      \(AttackSuite.fixedBudget.map { "- \($0.name): \($0.summary)" }.joined(separator: "\n"))

      For the nearest adversarial image at any distance:
      \(AttackSuite.minimumNorm.map { "- \($0.name): \($0.summary)" }.joined(separator: "\n"))

      --out keeps the adversarial images too.
      """)

  @OptionGroup var weights: WeightsOptions

  @Option(help: "The attack: \(AttackSuite.names.joined(separator: ", ")).")
  var attack = "pgd"

  @Option(parsing: .unconditional, help: "The radius in pixel units, such as 36/255 or 0.25.")
  var epsilon = Epsilon.published[0]

  @Option(parsing: .unconditional, help: "The seed that the attack's noise comes from.")
  var seed: UInt64 = 0

  @OptionGroup var deviceOptions: DeviceOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard AttackSuite.names.contains(attack) else {
      throw ValidationError(
        "--attack is one of \(AttackSuite.names.joined(separator: ", ")), not '\(attack)'")
    }
  }

  func run() throws {
    var judgement = try Judgement(
      weights, dataOptions, results, options, seed: seed,
      device: try deviceOptions.chosen(options))
    try judgement.certify()
    let record = try judgement.attack(attack, epsilon: epsilon, seed: seed)
    judgement.report.attacks[attack] = record
    try judgement.finish { report in
      if options.json {
        try Output.line(try report.json(.attack(attack)))
      } else {
        try Output.opening(of: report)
        try show(record)
      }
    }
  }

  private func show(_ record: AttackRecord) throws {
    try Output.line("images            \(record.count)")
    try Output.line("clean accuracy    \(Output.percent(record.cleanAccuracy))")
    try Output.line(
      "at \(epsilon.description.padding(15))\(Output.percent(record.robustAccuracy))")
    if let distance = record.foundDistances {
      try Output.line(
        String(
          format: "distance          %.6f to %.6f, median %.6f", distance.min, distance.max,
          distance.median))
    }
    try Output.line("passes            \(record.passes)")
  }
}
