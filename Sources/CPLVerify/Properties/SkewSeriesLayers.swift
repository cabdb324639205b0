// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

/// Layers that are the truncated exponential of a skew map.
struct SkewSeriesLayers: PropertyCheck {
  let id = "layer.skew-series"
  let statement =
    "a skew orthogonal convolution moves no two inputs farther apart than its bound says"
  let source = "Singla and Feizi, ICML 2021; docs/soundness.md, section 3"

  func run(_ context: CheckContext) throws -> Findings {
    var (ratios, control): ([Double], [Double]) = ([], [])
    let samples = LayerSpecification.samples(of: SOCKind.self)
    for (index, specification) in samples.enumerated() {
      for trial in 0..<context.effort.choose(1, 3, 20) {
        let seed = context.seed &+ UInt64(100 * index + trial)
        // The norm is 1 after some iterations of the power method; before, it is more.
        var network = CPLNetwork<Float>([specification], seed: seed)
        for _ in 0..<(trial % 3 == 2 ? 0 : 100) {
          guard var layer = network.layers[0] as? any DerivedWeightsLayer<Float> else { break }
          _ = layer.deriveWeights(densePowerGradient: false)
          network.layers[0] = layer
        }
        guard let clean = network.layers[0].converted(to: Double.self) as? SOCConvolution<Double>
        else { continue }
        let layer = context.altered(network.layers[0])
        let bound = try layer.bounded.lipschitzUpperBound(try layer.bounded.spectralNorm())
        let executed = layer.converted(to: Double.self)
        let top = TopDirection.of(clean.map)
        let origin = executed.value(at: Tensor(shape: top.shape))
        let ratio = executed.value(at: top).subtracting(origin).norm / top.norm
        ratios.append(ratio / bound)
        // The length that five terms give along the same direction.
        control.append(
          TruncatedExponential(terms: 5).modulusUpperBound(
            upTo: try clean.spectralNorm()?.lowerBound ?? .nan))
      }
    }
    func measured(_ quantity: String, _ values: [Double]) -> Measurement {
      Measurement(
        quantity, worstOf: values, .atMost, 1, tolerance: 1e-12,
        from: "binary64 sums of at most 2⁸ terms, a dozen times")
    }
    return Findings(
      [
        measured(
          "‖y(x) − y(0)‖/‖x‖ along the top singular vector of A, over the verified bound", ratios)
      ],
      control: PositiveControl(
        "five terms, with the claim of 1", measured("|S_5(i‖A‖)|", control)))
  }
}
