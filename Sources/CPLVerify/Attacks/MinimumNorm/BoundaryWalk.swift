// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// A walk along the decision boundary to its point nearest to one image: sequential linear programming
/// with a trust region, in the ℓ2 norm and inside the box.
///
/// With y the label, the boundary is the zero of f = max_{j≠y} z_j − z_y. At a point x of another class,
/// with w = ∇f(x), the foot is the zero of the linearised f nearest to x within the box, and p that
/// nearest to the image x₀. The walk goes from the foot towards p, by at most the trust region's radius Δ:
///
///     x′ = foot + min(1, Δ/‖p − foot‖)·(p − foot)
///
/// and then outward from x₀ by a little, so that x′ is likely of another class. If it is not, it is moved to
/// its own foot, twice at most. What is of another class and nearer than any point before is where the walk
/// goes on, with a larger Δ; otherwise Δ shrinks and x′ is chosen again. So every point of the walk is
/// adversarial, and each nearer than the one before. One forward and one backward pass an iteration.
///
/// FAB goes at most a tenth of the way from x to p and then back towards the image; this search stays at the
/// boundary and goes as far along it as it is flat. The idea is that of Brendel, Rauber, Kümmerer, Ustyuzhaninov
/// and Bethge 2019, *Accurate, reliable and fast robustness evaluation*; the steps are simpler.
package struct BoundaryWalk<Scalar: TensorScalar>: ImageSearch {
  /// Δ at first, as a share of the distance, and the share at which the walk ends.
  private static var firstRadius: Double { 0.25 }
  private static var leastRadius: Double { 1e-3 }
  private static var growth: Double { 2 }
  private static var shrinkage: Double { 0.4 }
  /// How far beyond the linearised boundary points are taken, as a share of their distance.
  private static var overshoot: Double { 0.003 }
  private static var corrections: Int { 2 }

  private let image: [Double]
  private let label: Int
  private var iterationsLeft: Int

  package private(set) var point: [Scalar]
  /// The foot and p of the nearest point so far.
  private var foot: [Double] = []
  private var nearest: [Double] = []
  /// Δ.
  private var radius = Double.infinity
  private var correctionsLeft = 0
  /// The nearest image of another class so far, and its distance.
  package private(set) var adversarial: [Scalar]?
  package private(set) var distance = Double.infinity
  package var forwardPasses = 0
  package var backwardPasses = 0

  /// - Parameter start: a point of another class near the boundary.
  package init(_ image: some Sequence<Scalar>, start: [Scalar], label: Int, iterations: Int) {
    self.image = image.map { Double($0) }
    self.label = label
    iterationsLeft = iterations
    point = start
  }

  package var isOver: Bool { iterationsLeft == 0 || radius < Self.leastRadius * distance }
  package var wantsGradient: Bool { true }

  package func logitGradient(_ logits: [Double]) -> [Double] {
    marginDirection(classes: logits.count, from: label, to: rival(logits))
  }

  package mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?) {
    guard let gradient, adversarial != nil || prediction != label else {
      iterationsLeft = 0
      return
    }
    iterationsLeft -= 1
    let current = point.map { Double($0) }
    let length = zip(current, image).lazy.map { $0 - $1 }.euclideanLength
    let slope = Array(gradient)
    let margin = logits[rival(logits)] - logits[label]
    let ownFoot = zip(current, boxStep(from: current, along: slope, value: margin)).map { $0 + $1 }
    if prediction != label && length < distance {
      radius = adversarial == nil ? Self.firstRadius * length : min(Self.growth * radius, length)
      (adversarial, distance) = (point, length)
      foot = ownFoot
      let marginAtImage = zip(slope, zip(image, current)).reduce(margin) {
        $0 + $1.0 * ($1.1.0 - $1.1.1)
      }
      nearest = zip(image, boxStep(from: image, along: slope, value: marginAtImage)).map { $0 + $1 }
      move()
    } else if prediction == label && correctionsLeft > 0 {
      correctionsLeft -= 1
      point = beyond(ownFoot)
    } else {
      radius *= Self.shrinkage
      move()
    }
  }

  /// The class j ≠ y with the largest logit.
  private func rival(_ logits: [Double]) -> Int {
    logits.indices.filter { $0 != label }.max { logits[$0] < logits[$1] }!
  }

  /// From the foot towards p.
  private mutating func move() {
    let length = zip(nearest, foot).lazy.map { $0 - $1 }.euclideanLength
    let share = length > radius ? radius / length : 1
    point = beyond(zip(foot, nearest).map { $0 + share * ($1 - $0) })
    correctionsLeft = Self.corrections
  }

  /// A little farther from the image, inside the box.
  private func beyond(_ place: [Double]) -> [Scalar] {
    zip(place, image).map { Scalar(min(max($1 + (1 + Self.overshoot) * ($0 - $1), 0), 1)) }
  }
}
