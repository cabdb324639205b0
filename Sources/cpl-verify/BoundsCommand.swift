import ArgumentParser
import CPLVerify
import Foundation

struct BoundsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bounds",
    abstract: "Encloses every layer's spectral norm and bounds the network's Lipschitz constant.",
    discussion: """
      Each layer: a proved lower bound of σ = ‖W‖₂, the model's own estimate (100 power iterations \
      from the stored vector, and from a fresh one), a proved upper bound, the step h, and an \
      upper bound of the layer's Lipschitz constant with that h.
      """)

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  /// How many images the lower side is looked for at.
  private static let lowerSideImages = 16

  func run() throws {
    let verified = try weights.verified(options).network
    let images = try dataOptions.read(.test).prefix(Self.lowerSideImages)
    try verified.network.check(takes: images)
    let lower = verified.lipschitzLowerEstimate(
      at: images.images(at: 0..<images.count), workers: options.workers)
    if options.json {
      try Output.json(Result(verified.bounds, lower: lower))
    } else {
      try show(verified.bounds, lower: lower)
    }
  }

  private func show(_ bounds: NetworkBounds, lower: Double) throws {
    func number(_ value: Double?) -> String {
      (value.map { String(format: "%.9f", $0) } ?? "–").padding(14)
    }
    let width = (bounds.layers.map(\.name.count).max() ?? 0) + 2
    try Output.line(
      "layer".padding(width)
        + ["σ lower", "σ̂ stored u", "σ̂ fresh u", "σ upper", "h", "Lipschitz ≤"]
        .map { $0.padding(14) }.joined())
    for layer in bounds.layers {
      try Output.line(
        layer.name.padding(width)
          + [
            layer.spectralNorm?.lowerBound, layer.modelEstimate, layer.freshEstimate,
            layer.spectralNorm?.upperBound, layer.stepSize.map(Double.init),
            layer.lipschitzUpperBound,
          ].map(number).joined())
    }
    try Output.line(
      "network, before its head: \(String(format: "%.9f", lower)) (found) ≤ Lipschitz constant"
        + " ≤ \(String(format: "%.9f", bounds.lipschitzUpperBound)) (proved), slack "
        + String(format: "%.4f", bounds.lipschitzUpperBound / lower))
  }

  private struct Result: Encodable {
    struct Layer: Encodable {
      let name: String
      let kind: String
      let sigmaLower: Double?
      let sigmaModel: Double?
      let sigmaFresh: Double?
      let sigmaUpper: Double?
      let h: Float?
      let lipschitzUpper: Double
    }
    struct Network: Encodable {
      let lipschitzLower: Double
      let lipschitzUpper: Double
    }
    let layers: [Layer]
    let network: Network

    init(_ bounds: NetworkBounds, lower: Double) {
      layers = bounds.layers.map {
        Layer(
          name: $0.name, kind: $0.kind, sigmaLower: $0.spectralNorm?.lowerBound,
          sigmaModel: $0.modelEstimate, sigmaFresh: $0.freshEstimate,
          sigmaUpper: $0.spectralNorm?.upperBound, h: $0.stepSize,
          lipschitzUpper: $0.lipschitzUpperBound)
      }
      network = Network(lipschitzLower: lower, lipschitzUpper: bounds.lipschitzUpperBound)
    }
  }
}
