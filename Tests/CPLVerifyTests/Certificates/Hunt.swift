// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

extension VerifiedNetwork {
  /// Radii from margins as they were computed, without what rounding may have done to them: they
  /// break.
  func unprotectedRadii<Scalar: TensorScalar>(_ logits: Tensor<Scalar>) throws -> [Double] {
    let constants = try PairConstants(network.converted(to: Scalar.self))
    return logits.rowMaxima.enumerated().map { image, best in
      let row = logits.row(image).map { Double($0) }
      return row.indices.filter { $0 != best }.map {
        Rounding.down.quotient(
          Rounding.down.difference(row[best], row[$0]),
          Rounding.up.product(bounds.lipschitzUpperBound, constants[best, $0]))
      }.min()!.nextDown
    }
  }
}

/// Attacks on certified radii, and what they break in the network that is executed.
struct Hunt {
  /// How often a long test repeats what the others do a few times.
  static let isSlow = ProcessInfo.processInfo.environment["CPL_SLOW_TESTS"] == "1"

  let images: Tensor<Float>
  let radii: [Double]
  let predictions: [Int]

  /// The positions of the images with a radius.
  private var certified: [Int] { radii.indices.filter { radii[$0] > 0 } }

  private var input: AttackInput {
    AttackInput(
      images: Tensor(
        shape: [certified.count] + images.shape.dropFirst(),
        elements: certified.flatMap { images.row($0) }),
      labels: certified.map { predictions[$0] }, indices: certified)
  }

  private var budgets: [Double] { certified.map { radii[$0] } }

  /// How many images have a radius.
  var count: Int { certified.count }

  /// How many images the rounding search breaks, points and network in the given formats.
  func brokenByRounding<Point: TensorScalar, Scalar: TensorScalar>(
    in network: CPLNetwork<Scalar>, points: Point.Type
  ) throws -> Int {
    guard !certified.isEmpty else { return 0 }
    let found = RoundingSearch().search(
      input.images.converted(to: Point.self), labels: input.labels, indices: input.indices,
      budgets: budgets, on: network, constants: try PairConstants(network), seed: 0,
      workers: .serial)
    return found.count { $0.adversarial != nil }
  }

  /// How many images descent and minimum-norm search in binary32 break, confirmed in binary64.
  func brokenByDescent(_ verified: VerifiedNetwork, in network: CPLNetwork<Double>) throws -> Int {
    guard !certified.isEmpty else { return 0 }
    let target = try AttackTarget(verified.network)
    let searches = [
      ProjectedGradientDescent(.strong).run(
        input, budgets: budgets, on: target, seed: 0, workers: .serial),
      MinimumNormSearch().run(input, on: target, seed: 0, workers: .serial),
    ]
    var broken: Set<Int> = []
    for results in searches {
      for (position, result) in results.enumerated() {
        guard let image = result.image, result.distance <= budgets[position] else { continue }
        let logits = network.logits(
          Tensor(shape: [1] + network.inputShape, elements: image.map { Double($0) }),
          workers: .serial)
        if logits.rowMaxima[0] != input.labels[position] { broken.insert(position) }
      }
    }
    return broken.count
  }

  /// The same images with larger radii.
  func scaled(by factor: Double) -> Hunt {
    Hunt(images: images, radii: radii.map { $0 * factor }, predictions: predictions)
  }
}
