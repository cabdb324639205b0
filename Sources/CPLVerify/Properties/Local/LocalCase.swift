// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLReference

/// A small network with what local certificates see of it, an image, multipliers and perturbations.
package struct LocalCase {
  package let evaluated: EvaluatedNetwork
  package let local: LocalNetwork
  package let image: [Double]
  /// The predicted class and another one.
  package let pair: (label: Int, other: Int)
  package let definition: LocalDefinition
  package var random: CounterRandom

  /// Nil where local certificates have nothing to say of the network or of the image.
  ///
  /// - Parameter pixels: one image.
  package init?(
    _ network: VerifiedNetwork, image pixels: Tensor<Float>, _ random: CounterRandom
  ) throws {
    evaluated = EvaluatedNetwork(network)
    guard evaluated.binary64.head.isLinear else { return nil }
    local = try LocalNetwork(evaluated)
    image = pixels.elements.map { Double($0) }
    let logits = evaluated.binary64.logits(pixels.converted(), workers: .serial)
    let label = logits.rowMaxima[0]
    guard label >= 0 else { return nil }
    self.random = random
    pair = (label, (label + 1 + self.random.below(logits.count - 1)) % logits.count)
    definition = LocalDefinition(evaluated.binary64, image: image, pair: pair)
  }

  package var bound: LocalBound {
    LocalBound(
      local,
      preactivations: local.preactivations(
        Tensor(shape: [1] + evaluated.binary64.inputShape, elements: image)), pair: pair)
  }

  /// A perturbation of a norm.
  package mutating func perturbation(norm: Double) -> [Double] {
    let direction: [Double] = random.normals(image.count)
    let length = LocalDefinition.dot(direction, direction).squareRoot()
    return direction.map { $0 * norm / length }
  }

  /// Multipliers of no merit; with a perturbation, those that its own changes suggest, which leave least room.
  ///
  /// - Parameter price: one for all energy; random ones without it.
  package mutating func multipliers(
    fitting perturbation: [Double]? = nil, price: Double? = nil
  ) -> LocalMultipliers {
    var slopes: [[Double]] = []
    var touches: [[Double]] = []
    let followed = perturbation.map(definition.follow)
    for part in local.residuals {
      if let layer = followed?.layers[part.index] {
        slopes.append(zip(layer.change, layer.move).map { $1 == 0 ? 0 : $0 / $1 })
        touches.append(layer.change)
      } else {
        slopes.append((0..<part.units).map { _ in -0.2 + 1.4 * random.uniform() })
        touches.append((0..<part.units).map { _ in random.uniform() - 0.5 })
      }
    }
    var prices = [price ?? random.uniform()]
    for _ in local.residuals {
      prices.append(prices[prices.count - 1] + (price == nil ? random.uniform() : 0))
    }
    return LocalMultipliers(slopes: slopes, touches: touches, prices: prices.reversed())
  }

  /// Multipliers as a search of some steps leaves them, whose touching points are nearly where the maxima are: a fault of
  /// the energy makes D smaller there. Nil where the search ends before.
  package func searched(
    radius: Double, featureDistance: Double, steps: Int
  ) -> LocalMultipliers? {
    let (label, other) = pair
    let row = zip(local.rows[label], local.rows[other]).map(-)
    // Of no perturbation, so that nothing is proved on the way.
    let margin = 4 * LocalDefinition.dot(row, row).squareRoot() * local.lipschitz * radius
    var settings = LocalSearch.Settings()
    settings.steps = steps
    var last: LocalMultipliers?
    _ = LocalSearch(local, settings).run([
      LocalProblem(
        preactivations: bound.preactivations, pair: pair, radius: radius, margin: margin,
        featureDistance: featureDistance)
    ]) { _, multipliers in
      last = multipliers
      return false
    }
    return last
  }

  /// Moves every layer's touching point along the direction that W enlarges the most.
  package func moveTouches(_ multipliers: inout LocalMultipliers) {
    for (index, matrix) in definition.matrices.enumerated() {
      var vector = matrix.map { _ in 1.0 }
      for _ in 0..<200 {
        let next = LocalDefinition.multiply(
          matrix, LocalDefinition.multiply(LocalDefinition.transposed(matrix), vector))
        let length = LocalDefinition.dot(next, next).squareRoot()
        vector = next.map { $0 / length }
      }
      multipliers.touches[index] = zip(multipliers.touches[index], vector).map(+)
    }
  }

  /// A network of convolutions and dense layers, with zero padding, whose steps are a multiple of 2/σ̄².
  package static func network(
    _ seed: UInt64, step: Double, pooling: Int = 2
  ) throws -> VerifiedNetwork {
    var configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, convolutionInner: 3, linearLayers: 2, linearInner: 6,
      head: .lln, classes: 4, image: ImageShape(channels: 2, height: 4, width: 2))
    configuration.pooling = pooling
    var network = CPLNetwork<Float>(
      configuration.layers(mean: [0.4, 0.5], standardDeviation: [0.5, 0.8]), seed: seed)
    for index in network.steppedLayers {
      let bound = try network.layers[index].bounded.spectralNorm()?.upperBound ?? 0
      network[stepped: index].stepRule = .fixed
      network[stepped: index].stepSize = Rounding.down.float(
        step * 2 / (bound * bound) * (1 - 0x1p-20))
    }
    return try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
  }
}
