// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

extension VerifiedNetwork {
  /// A proved lower bound of the Lipschitz constant of the map φ to the features, found by a search
  /// for the pair of images in the box that the network moves apart the most:
  ///
  ///     (‖φ̃(x) − φ̃(y)‖ − 2e)/‖x − y‖ ≤ ‖φ(x) − φ(y)‖/‖x − y‖ ≤ Lip(φ)
  ///
  /// rounded down; e bounds the rounding of the binary64 evaluation φ̃ (`FeatureErrorBound`).
  /// `bounds.lipschitzUpperBound` is the other side, and the ratio of the two the bound's slack.
  ///
  /// A pair starts as an image and its neighbour in the direction that the Jacobian there enlarges
  /// the most, at the best of three distances; then both climb the gradient of the ratio.
  ///
  /// - Throws: `VerificationError` for a network without error bounds.
  /// - Complexity: some 110 forward and backward passes of all images, in binary64.
  public func lipschitzLowerBound(
    at images: Tensor<Float>, workers: Workers
  ) throws(VerificationError) -> Double {
    let network = network.converted(to: Double.self)
    let error = try FeatureErrorBound(
      network, spectralNorms: bounds.layers.map(\.spectralNorm)
    ).error
    let directions = try network.jacobianDirections(
      at: images.converted(), iterations: 15, seed: 0, workers: workers
    ).vectors
    var best = PairSearch(network, images, images, error: error, workers: workers)
    for distance in [0.01, 0.1, 1] {
      let steps = [Double](repeating: distance, count: images.shape[0])
      let neighbours = images.moved(along: directions, by: steps)
      best.take(PairSearch(network, images, neighbours, error: error, workers: workers))
    }
    // In units of the pair's distance, halved where a step leads to nothing better.
    var steps = [Double](repeating: 0.5, count: images.shape[0])
    for _ in 0..<12 {
      let next = try best.climbed(by: steps, workers: workers)
      for (row, improved) in best.take(next).enumerated() where !improved { steps[row] /= 2 }
    }
    return best.ratios.max() ?? 0
  }
}

/// Pairs of images, and how much farther apart a network moves them.
private struct PairSearch {
  private let network: CPLNetwork<Double>
  private let error: Double
  private var first: Tensor<Float>
  private var second: Tensor<Float>
  /// For each pair, a number that is proved to be at most ‖φ(x) − φ(y)‖/‖x − y‖.
  private(set) var ratios: [Double]

  init(
    _ network: CPLNetwork<Double>, _ first: Tensor<Float>, _ second: Tensor<Float>,
    error: Double, workers: Workers
  ) {
    (self.network, self.error, self.first, self.second) = (network, error, first, second)
    let features = [first, second].map { network.features($0.converted(), workers: workers) }
    ratios = (0..<first.shape[0]).map { row in
      // Each difference is rounded once, by a factor of at most 1 + 2⁻⁵³.
      let difference = zip(features[0].row(row), features[1].row(row)).map { $0 - $1 }
      let moved = Rounding.down.difference(
        Rounding.down.quotient(EuclideanNorm.lowerBound(difference), 1 + 0x1p-52), 2 * error)
      let apart = Distance(first.row(row), second.row(row)).upperBound
      return apart > 0 && moved > 0 ? Rounding.down.quotient(moved, apart) : 0
    }
  }

  /// The pairs after a step up the gradient of log(‖φ(x) − φ(y)‖/‖x − y‖), which is
  /// Jᵀ(φ(x) − φ(y))/‖φ(x) − φ(y)‖² − (x − y)/‖x − y‖² with respect to x, and alike for y.
  ///
  /// - Parameter steps: how far each pair's images go, in units of their distance.
  func climbed(
    by steps: [Double], workers: Workers
  ) throws(VerificationError) -> PairSearch {
    let passes = (
      try FeaturePass(network, at: first.converted(), workers: workers),
      try FeaturePass(network, at: second.converted(), workers: workers)
    )
    var moved = passes.0.features
    moved.add(passes.1.features, scale: -1)
    var apart: Tensor<Double> = first.converted()
    apart.add(second.converted(), scale: -1)
    let (movedBy, distances) = (moved.normalizeRows(), apart.normalizeRows())
    func end(_ images: Tensor<Float>, _ pass: FeaturePass<Double>, sign: Double) -> Tensor<Float> {
      let pulled = pass.vjp(moved, workers: workers)
      var gradient = Tensor<Double>(
        shape: images.shape,
        elements: steps.indices.flatMap { row in
          zip(pulled.row(row), apart.row(row)).map {
            $0 * distances[row] - $1 * movedBy[row]
          }
        })
      _ = gradient.normalizeRows()
      return images.moved(along: gradient, by: zip(steps, distances).map { sign * $0 * $1 })
    }
    return PairSearch(
      network, end(first, passes.0, sign: 1), end(second, passes.1, sign: -1), error: error,
      workers: workers)
  }

  /// Takes each pair of `other` that is better.
  ///
  /// - Returns: which ones were.
  @discardableResult
  mutating func take(_ other: PairSearch) -> [Bool] {
    let better = zip(other.ratios, ratios).map { $0 > $1 }
    for (row, better) in better.enumerated() where better {
      first.setRow(row, other.first)
      second.setRow(row, other.second)
      ratios[row] = other.ratios[row]
    }
    return better
  }
}

extension Tensor<Float> {
  /// The images after a step of the given length along each unit vector, inside the box.
  fileprivate func moved(along vectors: Tensor<Double>, by lengths: [Double]) -> Tensor {
    Tensor(
      shape: shape,
      elements: lengths.indices.flatMap { row in
        zip(self.row(row), vectors.row(row)).map {
          min(max(Float(Double($0) + lengths[row] * $1), 0), 1)
        }
      })
  }

  fileprivate mutating func setRow(_ row: Int, _ other: Tensor) {
    let stride = count / shape[0]
    elements.replaceSubrange(row * stride..<(row + 1) * stride, with: other.row(row))
  }
}
