// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct BoundsCommand: PinnableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bounds",
    abstract: "Encloses every layer's spectral norm and bounds the network's Lipschitz constant.",
    discussion: """
      Each layer: a proved lower bound of σ = ‖W‖₂, the model's own estimate (100 power iterations \
      from the stored vector, and from a fresh one), a proved upper bound, the step h, and an \
      upper bound of the layer's Lipschitz constant with that h. The images are used only to \
      look for a lower bound of the network's constant.
      """)

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  /// How many images the lower side is looked for at.
  private static let lowerSideImages = 8

  func run() throws {
    var judgement = try Judgement(weights, dataOptions, results, options, needsClasses: false)
    let images = judgement.images.prefix(Self.lowerSideImages)
    let lower = try judgement.verified.lipschitzLowerBound(
      at: images.images(at: 0..<images.count), workers: options.workers)
    judgement.report.lipschitzLowerBound = lower
    let bounds = judgement.verified.bounds
    try judgement.finish { report in
      if options.json {
        try Output.line(try report.json(.bounds))
      } else {
        try Output.opening(of: report)
        try show(bounds, lower: lower)
      }
    }
  }

  private func show(_ bounds: NetworkBounds, lower found: Double) throws {
    // As many digits as tell the two sides of an enclosure apart, each rounded to its own side.
    func upper(_ value: Double?) -> String { Rounding.up.text(value, digits: 10) }
    func lower(_ value: Double?) -> String { Rounding.down.text(value, digits: 10) }
    func estimate(_ value: Double?) -> String { value.map { Output.number($0, digits: 10) } ?? "–" }
    var table = TextTable([
      "layer", "σ lower", "σ̂ stored u", "σ̂ fresh u", "σ upper", "h", "Lipschitz ≤",
    ])
    for layer in bounds.layers {
      table.add([
        layer.name, lower(layer.spectralNorm?.lowerBound), estimate(layer.modelEstimate),
        estimate(layer.freshEstimate), upper(layer.spectralNorm?.upperBound),
        estimate(layer.stepSize.map(Double.init)), upper(layer.lipschitzUpperBound),
      ])
    }
    try Output.table(table)
    for sentence in bounds.loosenings { try Output.line(sentence) }
    try Output.line(
      "network, before its head: \(lower(found)) ≤ Lipschitz constant ≤ "
        + "\(upper(bounds.lipschitzUpperBound)), slack "
        + "\(Output.number(bounds.lipschitzUpperBound / found, digits: 4)); the model's own claim "
        + estimate(bounds.modelClaim))
  }
}
