// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// One run of projected gradient descent on one image.
///
/// The first point is the start, projected to the ball and then to the box; each step goes by a share of
/// ε along the gradient of the loss, and is projected as the variant says.
package struct DescentSearch<Scalar: TensorScalar>: DeviceSearch {
  let ball: Ball<Scalar>
  let variant: ProjectedGradientDescent.Variant
  private let label: Int
  private let loss: AttackLoss

  package private(set) var point: [Scalar]
  /// An iterate of another class, in the ball and in the box.
  package private(set) var adversarial: [Scalar]?
  package var forwardPasses = 0
  package var backwardPasses = 0
  private var evaluations = 0

  /// - Parameter start: a point of the box, as far away as it may be.
  package init(
    _ ball: Ball<Scalar>, _ variant: ProjectedGradientDescent.Variant, label: Int,
    loss: AttackLoss, start: [Scalar]
  ) {
    self.ball = ball
    self.variant = variant
    self.label = label
    self.loss = loss
    point = start
    ball.projectToBall(&point)
    Ball.projectToBox(&point)
  }

  /// An image that has been broken is of no interest any more.
  package var isOver: Bool { adversarial != nil || evaluations > variant.steps }
  package var wantsGradient: Bool { evaluations < variant.steps }

  package func logitGradient(_ logits: [Double]) -> [Double] {
    loss.gradient(logits, label: label)
  }

  package func isCandidate(prediction: Int) -> Bool {
    // Of the paper's PGD only the last iterate counts.
    prediction != label && (variant == .strong || !wantsGradient)
  }

  /// - Returns: how far the next step goes.
  package mutating func decide(
    logits: [Double], prediction: Int, candidate: [Scalar]?
  ) -> Double? {
    let isLast = !wantsGradient
    evaluations += 1
    if let candidate, ball.contains(candidate) { adversarial = candidate }
    return isLast || adversarial != nil ? nil : ball.radius * variant.stepShare
  }

  package mutating func move(_ length: Double, along gradient: ArraySlice<Double>) {
    point = ball.ascent(from: point, along: gradient, length: length, variant.rule)
  }
}
