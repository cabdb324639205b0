// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension CPLNetwork {
  /// Runs every layer's power method from its u, and sets u and h = c/(σ̂² + 1e-4).
  @discardableResult
  package mutating func updateSteps(iterations: Int, workers: Workers) -> [PowerMethod<Scalar>] {
    let positions = steppedLayers
    let network = self
    let results = workers.map(positions.count) { index in
      var layer = network[stepped: positions[index]]
      let power = layer.updateStep(iterations: iterations)
      return (layer: layer, power: power)
    }
    for (position, result) in zip(positions, results) { layers[position] = result.layer }
    return results.map(\.power)
  }

  /// The number of power iterations of an evaluation.
  package static var evaluationIterations: Int { 100 }
}
