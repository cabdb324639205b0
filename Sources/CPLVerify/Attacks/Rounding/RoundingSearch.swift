// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLNetworks

/// Looks just inside a radius for images whose class changes by rounding alone (after Jin,
/// Ohrimenko and Rubinstein 2022).
///
/// Where a certificate is tight, the boundary of the classes touches the ball in one point, and
/// near it the executed margin is as small as its rounding error. The search goes there along the
/// margin's gradient, rounds the point to the images' format in random ways, takes as many ulps along
/// the gradient as the ball allows, and then climbs: the image with the least executed margin is
/// varied by random ulps again and again.
package struct RoundingSearch: FixedBudgetAttack {
  package let name = "rounding"
  package var summary: String {
    "search just inside the radius for images whose class changes by rounding alone, "
      + "\(candidates * (rounds + 1)) of them"
  }
  /// How often the gradient is taken again at the point aimed at.
  private let aims = 3
  /// How often the best image is varied, after the first time.
  private let rounds = 5
  /// How many images are tried each time.
  private let candidates = 16

  package init() {}

  package func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    func search<Scalar: TensorScalar>(_ network: CPLNetwork<Scalar>) -> [RoundingState<Float>] {
      self.search(
        input.images, labels: input.labels, indices: input.indices, budgets: budgets, on: network,
        constants: target.constants, seed: seed, workers: workers)
    }
    return (target.binary64.map(search) ?? search(target.network)).map { state in
      var result = AttackResult()
      (result.forwardPasses, result.backwardPasses) = (state.forwardPasses, state.backwardPasses)
      if let image = state.adversarial {
        result.keep(image, distance: Distance(image, state.ball.center).upperBound)
      }
      return result
    }
  }

  /// The search among the images of one format, on a network of any.
  @specialized(where Point == Float, Scalar == Float)
  @specialized(where Point == Float, Scalar == Double)
  @specialized(where Point == Double, Scalar == Double)
  package func search<Point: TensorScalar, Scalar: TensorScalar>(
    _ images: Tensor<Point>, labels: [Int], indices: [Int], budgets: [Double],
    on network: CPLNetwork<Scalar>, constants: PairConstants, seed: UInt64, workers: Workers
  ) -> [RoundingState<Point>] {
    var states = budgets.indices.map {
      RoundingState(ball: UlpBall(center: Array(images.row($0)), radius: budgets[$0]))
    }
    aim(&states, images, labels: labels, on: network, constants, workers: workers)
    var alive = Array(states.indices)
    for round in 0...rounds where !alive.isEmpty {
      let (positions, current) = (alive, states)
      let trials = workers.map(positions.count * candidates) { trial in
        let position = positions[trial / candidates]
        var random = CounterRandom(
          seed: seed, purpose: .roundingSearch, major: UInt32(indices[position]),
          middle: UInt32(round), minor: UInt32(trial % candidates))
        return current[position].candidate(&random)
      }
      let logits = Self.logits(of: trials, images.shape, on: network, workers: workers)
      let predictions = logits.rowMaxima
      for trial in trials.indices {
        let position = alive[trial / candidates]
        let row = logits.row(trial).map { Double($0) }
        states[position].take(
          trials[trial], logits: row, prediction: predictions[trial], label: labels[position])
      }
      alive.removeAll { states[$0].adversarial != nil }
    }
    return states
  }

  /// Finds the directions in which the margins fall: the gradient at the image, then at the point
  /// of the ball's rim that it leads to, and so on.
  private func aim<Point: TensorScalar, Scalar: TensorScalar>(
    _ states: inout [RoundingState<Point>], _ images: Tensor<Point>, labels: [Int],
    on network: CPLNetwork<Scalar>, _ constants: PairConstants, workers: Workers
  ) {
    guard !states.isEmpty else { return }
    var points: Tensor<Scalar> = images.converted()
    for _ in 0..<aims {
      let found = network.evaluate(
        points, workers: workers,
        gradientOf: { AttackLoss.margin(constants).gradient($1, label: labels[$0]) })
      guard let gradients = found.gradients else { return }
      for position in states.indices {
        states[position].forwardPasses += 1
        states[position].backwardPasses += 1
        states[position].aim(along: Array(gradients.gradient(at: position)))
      }
      points = Tensor(
        shape: images.shape, elements: states.flatMap { $0.target.map { Scalar($0) } })
    }
  }

  /// The executed logits of many images, a moderate number at a time.
  private static func logits<Point: TensorScalar, Scalar: TensorScalar>(
    of points: [[Point]], _ shape: [Int], on network: CPLNetwork<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = CPLNetwork<Scalar>.evaluationBatch
    var elements: [Scalar] = []
    for start in stride(from: 0, to: points.count, by: batch) {
      let some = points[start..<min(points.count, start + batch)]
      let images = Tensor<Point>(
        shape: [some.count] + shape.dropFirst(), elements: some.flatMap { $0 })
      elements += network.logits(images.converted(), workers: workers).elements
    }
    return Tensor(shape: [points.count, network.classes], elements: elements)
  }
}
