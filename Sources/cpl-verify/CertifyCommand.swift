import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct CertifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certify",
    abstract: "Gives each test image the radius within which its class is certified.")

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    let images = try dataOptions.read(.test)
    let verified = try weights.verified(options, for: images).network
    let progress = options.progress
    let logits = try verified.network.logits(of: images, workers: options.workers) { done in
      progress.update("certifying", done: done, total: images.count, unit: "images")
      try Interruption.check()
    }
    progress.finish()
    let kinds = [CertificateKind.published, .lipschitz]
    let radii = try kinds.map { try verified.radii($0, logits) }
    let rows = logits.rowMaxima.enumerated().map { position, prediction in
      let sorted = logits.elements[
        position * verified.network.classes..<(position + 1) * verified.network.classes
      ].sorted(by: >)
      return Row(
        index: images.indices[position], label: images.labels[position], prediction: prediction,
        margin: Double(sorted[0]) - Double(sorted[1]),
        radius: Dictionary(
          uniqueKeysWithValues: zip(kinds, radii).map { ($0.rawValue, $1[position]) }))
    }
    guard !options.json else { return try Output.json(Result(images: rows)) }
    try Output.line("index  label  prediction  margin      published   lipschitz")
    for row in rows {
      let numbers = [row.margin] + kinds.map { row.radius[$0.rawValue] ?? 0 }
      try Output.line(
        "\(row.index)".padding(7) + "\(row.label)".padding(7) + "\(row.prediction)".padding(12)
          + numbers.map { String(format: "%.6f", $0).padding(12) }.joined())
    }
  }

  private struct Row: Encodable {
    let index: Int
    let label: Int
    let prediction: Int
    let margin: Double
    let radius: [String: Double]
  }
  private struct Result: Encodable {
    let images: [Row]
  }
}
