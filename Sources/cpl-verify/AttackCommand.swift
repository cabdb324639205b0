import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack", abstract: "Runs one attack on test images.")

  @OptionGroup var weights: WeightsOptions

  @Option(help: "The attack: \(AttackSuite.names.joined(separator: ", ")).")
  var attack = "pgd"

  @Option(parsing: .unconditional, help: "The radius in pixel units, such as 36/255 or 0.25.")
  var epsilon = Epsilon.published[0]

  @Option(parsing: .unconditional, help: "The seed that the attack's noise comes from.")
  var seed: UInt64 = 0

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard AttackSuite.names.contains(attack) else {
      throw ValidationError(
        "--attack is one of \(AttackSuite.names.joined(separator: ", ")), not '\(attack)'")
    }
  }

  func run() throws {
    let images = try dataOptions.read(.test)
    let verified = try weights.verified(options, for: images).network
    let progress = options.progress
    let results = try AttackSuite.run(
      attack, on: try AttackTarget(verified.network), images, epsilon: epsilon.value, seed: seed,
      workers: options.workers
    ) { done in
      progress.update("attacking", done: done, total: images.count, unit: "images")
      try Interruption.check()
    }
    progress.finish()
    try show(Result(results ?? [], images: images.count, epsilon: epsilon.value))
  }

  private func show(_ result: Result) throws {
    if options.json { return try Output.json(result) }
    try Output.line("images            \(result.images)")
    try Output.line("clean accuracy    \(Output.percent(result.cleanAccuracy))")
    try Output.line("at \(epsilon.description.padding(15))\(Output.percent(result.robustAccuracy))")
    if let distance = result.distance {
      try Output.line(
        String(
          format: "distance          %.6f to %.6f, median %.6f", distance.min, distance.max,
          distance.median))
    }
    try Output.line("passes            \(result.passes)")
  }

  private struct Result: Encodable {
    struct Distance: Encodable {
      let min: Double
      let median: Double
      let max: Double
    }
    let images: Int
    let epsilon: Double
    let cleanAccuracy: Double
    let robustAccuracy: Double
    let distance: Distance?
    let passes: Int

    init(_ results: [AttackResult], images: Int, epsilon: Double) {
      self.images = images
      self.epsilon = epsilon
      cleanAccuracy = Double(results.count { $0.distance > 0 }) / Double(images)
      robustAccuracy = Double(results.count { $0.distance > epsilon }) / Double(images)
      let found = results.map(\.distance).filter { $0 > 0 && $0.isFinite }.sorted()
      distance =
        found.isEmpty
        ? nil
        : Distance(min: found[0], median: found[found.count / 2], max: found[found.count - 1])
      passes = results.reduce(0) { $0 + $1.forwardPasses + $1.backwardPasses }
    }
  }
}
