// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLNetworks

/// DeepFool's steps on one image towards one class (Moosavi-Dezfooli, Fawzi and Frossard 2016,
/// Algorithm 1): 1.02 times the shortest step within the box to the linearised boundary, again and
/// again until the label is left, whichever class is met.
package struct DeepFoolSearch<Scalar: TensorScalar>: DeviceSearch {
  static var overshoot: Double { 1.02 }
  /// How far beyond the boundary steps aim, in pixel units: a little, where the margin is as good as 0.
  static var beyond: Double { 1e-6 }
  private static var steps: Int { 25 }

  private let label: Int
  private let target: Int
  package private(set) var point: [Scalar]
  /// The first point of another class.
  package private(set) var adversarial: [Scalar]?
  package var forwardPasses = 0
  package var backwardPasses = 0

  package init(_ image: some Sequence<Scalar>, label: Int, target: Int) {
    point = Array(image)
    self.label = label
    self.target = target
  }

  package var isOver: Bool { adversarial != nil || forwardPasses >= Self.steps }
  package var wantsGradient: Bool { true }

  package func logitGradient(_ logits: [Double]) -> [Double] {
    marginDirection(classes: logits.count, from: label, to: target)
  }

  package func isCandidate(prediction: Int) -> Bool { prediction != label }

  /// - Returns: the margin.
  package mutating func decide(
    logits: [Double], prediction: Int, candidate: [Scalar]?
  ) -> Double? {
    adversarial = candidate
    return candidate == nil ? logits[target] - logits[label] : nil
  }

  package mutating func move(_ margin: Double, along gradient: ArraySlice<Double>) {
    let current = point.map { Double($0) }
    let step = boxStep(
      from: current, along: Array(gradient),
      value: margin - Self.beyond * gradient.euclideanLength)
    point = zip(current, step).map { Scalar(min(max($0 + Self.overshoot * $1, 0), 1)) }
  }
}

/// Halves the segment from an image to one of another class, to find where the class changes.
package struct BisectionSearch<Scalar: TensorScalar>: ImageSearch {
  private let image: [Double]
  private let label: Int
  private let end: [Double]
  private var inside = 0.0
  private var outside = 1.0
  private var halvings: Int
  /// The nearest point of another class so far.
  package private(set) var adversarial: [Scalar]
  package var forwardPasses = 0
  package var backwardPasses = 0

  package init(
    _ image: some Sequence<Scalar>, label: Int, adversarial: [Scalar], halvings: Int
  ) {
    self.image = image.map { Double($0) }
    self.label = label
    end = adversarial.map { Double($0) }
    self.adversarial = adversarial
    self.halvings = halvings
  }

  private var middle: Double { (inside + outside) / 2 }
  package var point: [Scalar] { zip(image, end).map { Scalar($0 + middle * ($1 - $0)) } }
  package var isOver: Bool { halvings == 0 }
  package var wantsGradient: Bool { false }

  package func logitGradient(_ logits: [Double]) -> [Double] { [] }

  package mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?) {
    halvings -= 1
    if prediction == label {
      inside = middle
    } else {
      adversarial = point
      outside = middle
    }
  }
}

/// DeepFool towards each of the classes that may be nearest, then bisection on the segments back to
/// the image.
///
/// The classes are at most nine, those nearest by margin over the margin's Lipschitz constant: DeepFool's
/// top ten without the label. Instead of choosing among the linearised boundaries at each step, the
/// nearest result counts.
package struct DeepFool: MinimumNormAttack {
  package let name = "deepfool"
  package var summary: String {
    "DeepFool: steps to the linearised boundary, towards each of the \(classes) nearest classes"
  }
  private let classes = 9
  private let halvings = 12

  package init() {}

  package func run(
    _ input: AttackInput, on target: AttackTarget, seed: UInt64, workers: Workers
  ) -> [AttackResult] {
    var (results, logits, _) = input.begin(on: target, workers: workers)
    for found in crossings(input, logits, results: &results, on: target, workers: workers) {
      results[found.position].keep(found.image, of: input, found.position)
    }
    return results
  }

  /// Where the walk towards a class left the label.
  struct Crossing {
    let position: Int
    let target: Int
    let image: [Float]
  }

  /// The crossings of the images that are not misclassified already, after bisection.
  ///
  /// - Parameter logits: what the network makes of the images.
  func crossings(
    _ input: AttackInput, _ logits: Tensor<Double>, results: inout [AttackResult],
    on target: AttackTarget, workers: Workers
  ) -> [Crossing] {
    let pairs = input.labels.indices.filter { results[$0].image == nil }.flatMap { position in
      Self.nearestClasses(
        Array(logits.row(position)), label: input.labels[position], target.constants
      ).prefix(classes).map { (position: position, target: $0) }
    }
    var walks = pairs.map { position, other in
      DeepFoolSearch(input.images.row(position), label: input.labels[position], target: other)
    }
    target.drive(&walks, workers: workers)
    for (pair, walk) in zip(pairs, walks) { results[pair.position].count(walk) }
    return bisect(
      zip(pairs, walks).compactMap { pair, walk in
        walk.adversarial.map {
          Crossing(position: pair.position, target: pair.target, image: $0)
        }
      }, input, halvings: halvings, results: &results, on: target, workers: workers)
  }

  /// The same crossings, nearer to their images.
  func bisect(
    _ crossings: [Crossing], _ input: AttackInput, halvings: Int, results: inout [AttackResult],
    on target: AttackTarget, workers: Workers
  ) -> [Crossing] {
    var searches = crossings.map {
      BisectionSearch(
        input.images.row($0.position), label: input.labels[$0.position], adversarial: $0.image,
        halvings: halvings)
    }
    target.drive(&searches, workers: workers)
    return zip(crossings, searches).map { crossing, search in
      results[crossing.position].count(search)
      return Crossing(
        position: crossing.position, target: crossing.target, image: search.adversarial)
    }
  }

  /// The classes other than the label, by margin over the margin's Lipschitz constant.
  private static func nearestClasses(
    _ logits: [Double], label: Int, _ constants: PairConstants
  ) -> [Int] {
    func distance(_ other: Int) -> Double {
      let constant = constants[label, other]
      let margin = logits[label] - logits[other]
      return constant > 0 ? margin / constant : .infinity
    }
    return logits.indices.filter { $0 != label }.sorted {
      (distance($0), $0) < (distance($1), $1)
    }
  }
}
