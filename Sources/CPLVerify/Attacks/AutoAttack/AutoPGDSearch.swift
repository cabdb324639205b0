// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// One run of APGD on one image (Croce and Hein 2020, *Reliable evaluation of adversarial robustness
/// with an ensemble of diverse parameter-free attacks*, Algorithm 1), in the ℓ2 ball.
///
/// ε is the radius that the ball's projections aim at. The first point is clip(x + ε·g/(‖g‖ + 1e-12)),
/// g the noise; η₀ = 2ε; then
///
///     z = clip(P(x_k + η ĝ)),   x_{k+1} = clip(P(x_k + a(z − x_k) + (1 − a)(x_k − x_{k−1})))
///
/// with a = 1 in the first step and 0.75 after it. Windows of steps are 0.22, then 0.03 less each time,
/// at least 0.06 of all steps. At the end of one η is halved when the loss rose in at most 0.75 of its
/// steps, or when it was not halved at the end of the one before and the best loss has not changed since;
/// the search goes on from the best point with its gradient, and x_{k−1} stays the iterate before the
/// last step. The first step is compared with a loss of 0.
package struct AutoPGDSearch<Scalar: TensorScalar>: DeviceSearch {
  /// How many iterations there are by default.
  package static var steps: Int { 100 }

  let ball: Ball<Scalar>
  private let label: Int
  private let loss: AutoPGDLoss
  private let steps: Int

  package private(set) var point: [Scalar]
  private var previous: [Scalar]
  /// The best point so far, with its loss and gradient.
  private var best: (point: [Scalar], slope: ArraySlice<Double>) = ([], [])
  private var bestLoss: Double?
  /// η.
  package private(set) var stepSize: Double
  private var window: Int
  private var stepsInWindow = 0
  private var rises = 0
  private var lastLoss = 0.0
  private var bestLossAtCheckpoint = 0.0
  private var wasHalved = true
  private var evaluations = 0
  /// The last iterate of another class, in the ball.
  package private(set) var adversarial: [Scalar]?
  package var forwardPasses = 0
  package var backwardPasses = 0

  /// - Parameter noise: the direction of the start, as many numbers as the image has.
  package init(
    _ ball: Ball<Scalar>, label: Int, loss: AutoPGDLoss, steps: Int = Self.steps, noise: [Double]
  ) {
    self.ball = ball
    self.label = label
    self.loss = loss
    self.steps = steps
    let scale = ball.target / (noise.euclideanLength + 1e-12)
    point = zip(ball.center, noise).map { Scalar(min(max(Double($0) + scale * $1, 0), 1)) }
    previous = point
    stepSize = 2 * ball.target
    window = max(steps * 22 / 100, 1)
  }

  /// An image that has been broken is of no interest any more.
  package var isOver: Bool { adversarial != nil || evaluations > steps }
  package var wantsGradient: Bool { true }

  package func logitGradient(_ logits: [Double]) -> [Double] {
    loss.evaluate(logits, label: label).gradient
  }

  package func isCandidate(prediction: Int) -> Bool { prediction != label }

  package mutating func decide(
    logits: [Double], prediction: Int, candidate: [Scalar]?
  ) -> AutoPGDMove? {
    let value = loss.evaluate(logits, label: label).value
    if let candidate, ball.contains(candidate) { adversarial = candidate }
    let isBest = bestLoss.map { value > $0 } ?? true
    if isBest { bestLoss = value }
    var returnsToBest = false
    if evaluations == 0 {
      bestLossAtCheckpoint = value
    } else {
      stepsInWindow += 1
      rises += value > lastLoss ? 1 : 0
      lastLoss = value
      if stepsInWindow == window { returnsToBest = halvesStep() }
    }
    let share = evaluations == 0 ? 1 : 0.75
    evaluations += 1
    guard evaluations <= steps else { return nil }
    return AutoPGDMove(
      isBest: isBest, returnsToBest: returnsToBest, stepSize: stepSize, share: share)
  }

  /// Decides, at the end of a window, whether the step is too long, and halves it then.
  private mutating func halvesStep() -> Bool {
    guard let bestLoss else { return false }
    let isStuck = !wasHalved && bestLossAtCheckpoint >= bestLoss
    wasHalved = Double(rises) <= 0.75 * Double(window) || isStuck
    bestLossAtCheckpoint = bestLoss
    if wasHalved { stepSize /= 2 }
    window = max(window - max(steps * 3 / 100, 1), max(steps * 6 / 100, 1))
    (stepsInWindow, rises) = (0, 0)
    return wasHalved
  }

  package mutating func move(_ move: AutoPGDMove, along gradient: ArraySlice<Double>) {
    if move.isBest { best = (point, gradient) }
    let (start, slope) = move.returnsToBest ? best : (point, gradient)
    point = ball.ascentWithMomentum(
      from: start, previous: previous, along: slope, length: move.stepSize, share: move.share)
    previous = start
  }
}

/// What an evaluation leads to.
package struct AutoPGDMove: Sendable {
  /// Whether the point is the best so far.
  let isBest: Bool
  /// Whether the search goes on from the best point.
  let returnsToBest: Bool
  /// η, and a.
  let stepSize: Double
  let share: Double
}
