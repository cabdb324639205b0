// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// One run of FAB on one image towards one class (Croce and Hein 2020, *Minimally distorted adversarial
/// examples with a fast adaptive boundary attack*, Algorithm 1), in the ℓ2 norm, with α_max = 0.1,
/// η = 1.05, β = 0.9.
///
/// At x₁ the margin f = z_t − z_y is linearised with w = ∇f. d₁ and d₂ are the shortest steps, within
/// the box, from x₁ and from the image x₀ to its zero; a_i = max(‖d_i‖, 1e-8);
///
///     α = min(a₁/(a₁ + a₂), 0.1),   x₁ ← clip((x₁ + ηd₁)(1 − α) + (x₀ + ηd₂)α)
///
/// When x₁ is of another class, whichever, it is kept if it is the nearest so far, and then x₁ = x₀ + β(x₁ − x₀).
/// That point, evaluated in any case, is kept as well when it is of another class.
package struct FABSearch<Scalar: TensorScalar>: ImageSearch {
  private static var largestShare: Double { 0.1 }
  private static var overshoot: Double { 1.05 }
  private static var retreat: Double { 0.9 }

  private let image: [Double]
  private let label: Int
  private let target: Int
  private let steps: Int
  /// The search ends when an image as near as this has been found; 0 for the nearest.
  private let goal: Double

  package private(set) var point: [Scalar]
  package private(set) var wantsGradient = true
  /// Whether the point came from a step, and no gradient has been taken there.
  private var isCandidate = false
  /// Whether the last step led to another class: then the next one likely does, and gradients there
  /// are not needed.
  private var isAtBoundary = false
  private var iteration = 0
  private var isDone = false
  /// The nearest image of another class so far, and its distance.
  package private(set) var adversarial: [Scalar]?
  package private(set) var distance = Double.infinity
  package var forwardPasses = 0
  package var backwardPasses = 0

  package init(
    _ image: some Sequence<Scalar>, label: Int, target: Int, steps: Int, goal: Double = 0
  ) {
    self.image = image.map { Double($0) }
    self.label = label
    self.target = target
    self.steps = steps
    self.goal = goal
    point = Array(image)
  }

  package var isOver: Bool { isDone || distance <= goal }

  package func logitGradient(_ logits: [Double]) -> [Double] {
    marginDirection(classes: logits.count, from: label, to: target)
  }

  package mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?) {
    if prediction != label { keep() }
    if isCandidate {
      isAtBoundary = prediction != label
      isDone = iteration == steps
      if isAtBoundary {
        point = zip(point, image).map { Scalar($1 + Self.retreat * (Double($0) - $1)) }
      }
      isCandidate = false
      wantsGradient = true
      if isAtBoundary || gradient == nil { return }
    }
    if let gradient { step(margin: logits[target] - logits[label], slope: gradient) }
  }

  private mutating func keep() {
    let length = zip(point, image).lazy.map { Double($0) - $1 }.euclideanLength
    if length < distance { (adversarial, distance) = (point, length) }
  }

  private mutating func step(margin: Double, slope: ArraySlice<Double>) {
    let current = point.map { Double($0) }
    let w = Array(slope)
    let marginAtImage =
      margin + zip(w, zip(image, current)).reduce(0.0) { $0 + $1.0 * ($1.1.0 - $1.1.1) }
    let fromPoint = boxStep(from: current, along: w, value: margin)
    let fromImage = boxStep(from: image, along: w, value: marginAtImage)
    let (a1, a2) = (max(fromPoint.euclideanLength, 1e-8), max(fromImage.euclideanLength, 1e-8))
    let share = min(a1 / (a1 + a2), Self.largestShare)
    point = current.indices.map { index in
      let near = (current[index] + Self.overshoot * fromPoint[index]) * (1 - share)
      let far = (image[index] + Self.overshoot * fromImage[index]) * share
      return Scalar(min(max(near + far, 0), 1))
    }
    iteration += 1
    isCandidate = true
    wantsGradient = !isAtBoundary && iteration < steps
  }
}

/// The gradient of z_other − z_label with respect to the logits.
func marginDirection(classes: Int, from label: Int, to other: Int) -> [Double] {
  var direction = [Double](repeating: 0, count: classes)
  direction[other] += 1
  direction[label] -= 1
  return direction
}
