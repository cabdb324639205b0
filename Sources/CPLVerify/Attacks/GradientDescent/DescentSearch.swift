// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// One run of projected gradient descent on one image.
///
/// The first point is the start, projected to the ball and then to the box; each step goes by a share of
/// ε along the gradient of the loss, and is projected as the variant says.
package struct DescentSearch<Scalar: TensorScalar>: ImageSearch {
  private let ball: Ball<Scalar>
  private let variant: ProjectedGradientDescent.Variant
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

  package mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?) {
    evaluations += 1
    // Of the paper's PGD only the last iterate counts.
    if variant == .strong || gradient == nil, prediction != label, ball.contains(point) {
      adversarial = point
    } else if let gradient {
      step(along: gradient)
    }
  }

  /// One step of normalised gradient ascent and the projections.
  private mutating func step(along gradient: ArraySlice<Double>) {
    let length = gradient.euclideanLength
    // A gradient that is 0 or not finite leads nowhere.
    guard length > 0, length.isFinite else { return }
    let stepSize = ball.radius * variant.stepShare
    let scale = stepSize / (variant == .strong ? length : max(length, 1e-6))
    var moved = zip(point, gradient).map { Scalar(Double($0) + scale * $1) }
    switch variant {
    case .published:
      Ball.projectToBox(&moved)
      ball.projectToBall(&moved)
    case .strong:
      ball.projectToBall(&moved)
      Ball.projectToBox(&moved)
    }
    point = moved
  }
}
