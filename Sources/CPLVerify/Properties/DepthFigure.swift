// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

extension CheckFigure {
  /// The distance of two images on their way through a network, as a share of the first: the discretised flow of
  /// Meunier et al. 2022, which no convex potential layer with h‖W‖² ≤ 2 lets grow. One pair is two images, the other
  /// an image and the same with noise of norm 36/255. Nil without images.
  static func distancesByDepth(_ context: CheckContext) throws -> CheckFigure? {
    guard let images = context.images, images.count > 1 else { return nil }
    let network = try context.network().network.converted(to: Double.self)
    var random = context.random(for: "distances-by-depth")
    let pair: Tensor<Double> = images.images(at: 0..<2).converted()
    let first: Tensor<Double> = images.images(at: 0..<1).converted()
    let noise = random.direction(first.shape)
    let noisy = Tensor(
      shape: pair.shape, elements: first.elements + first.adding(noise, scale: 36.0 / 255).elements)
    let pairs = [("two images", pair), ("an image and noise of 36/255", noisy)]
    return CheckFigure(
      "Distances layer by layer", xLabel: "layers", yLabel: "‖Δ‖/‖Δ₀‖",
      pairs.compactMap { Curve.throughLayers(of: network, $0, $1, context.workers) })
  }
}

extension CheckFigure.Curve {
  /// The distance of two inputs, 2×d, behind each layer but the head, as a share of the first; nil where they are
  /// equal or something overflows.
  fileprivate static func throughLayers(
    of network: CPLNetwork<Double>, _ name: String, _ pair: Tensor<Double>, _ workers: Workers
  ) -> CheckFigure.Curve? {
    var values = pair
    var distances = [distance(values)]
    for layer in network.layers.dropLast() {
      values = layer.forward(values, recording: .nothing, workers: workers).output
      distances.append(distance(values))
    }
    let shares = distances.map { $0 / distances[0] }
    guard shares.allSatisfy(\.isFinite) else { return nil }
    return CheckFigure.Curve(name, x: shares.indices.map(Double.init), y: shares)
  }

  private static func distance(_ pair: Tensor<Double>) -> Double {
    let half = pair.count / 2
    return EnclosedDistance(Array(pair.elements[..<half]), Array(pair.elements[half...])).upperBound
  }
}
