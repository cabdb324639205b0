// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// One image's part of an attack, as a value that asks the network again and again.
///
/// It says where the network is to be evaluated next and takes what came out. Many searches are driven
/// together, those that are over left out; none knows of the others.
package protocol ImageSearch<Point>: Sendable {
  associatedtype Point: TensorScalar

  /// Where the network is to be evaluated next.
  var point: [Point] { get }
  /// Whether there is nothing to evaluate any more.
  var isOver: Bool { get }
  /// Whether the next evaluation is to come with a gradient with respect to the point.
  var wantsGradient: Bool { get }
  /// How often the search's image went forward through the network, and backward.
  var forwardPasses: Int { get set }
  var backwardPasses: Int { get set }

  /// The gradient, with respect to the logits, of what the search wants the gradient of.
  func logitGradient(_ logits: [Double]) -> [Double]

  /// Takes what the network makes of `point`, and moves on.
  ///
  /// - Parameter gradient: with respect to `point`; nil unless it was wanted.
  mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?)

  /// Searches run to their ends on the device where a network is, their images staying there; nil where that is not
  /// possible.
  static func ended<Scalar: TensorScalar>(
    _ searches: [Self], on network: CPLNetwork<Scalar>
  ) -> [Self]?
}

extension ImageSearch {
  package static func ended<Scalar: TensorScalar>(
    _ searches: [Self], on network: CPLNetwork<Scalar>
  ) -> [Self]? { nil }
}

/// What a network makes of some points.
package struct EvaluatedPoints {
  /// For each point its logits.
  package let logits: [[Double]]
  /// For each point its class; −1 where a logit is not finite.
  package let predictions: [Int]
  /// The gradients with respect to the points, if they were wanted.
  package let gradients: (any PointGradients)?
}

/// Gradients with respect to some points, in the precision of the network that they come from.
package protocol PointGradients: Sendable {
  /// The gradient with respect to one point.
  func gradient(at index: Int) -> ArraySlice<Double>
}

extension Tensor: PointGradients {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func gradient(at index: Int) -> ArraySlice<Double> {
    row(index).map { Double($0) }[...]
  }
}

extension CPLNetwork {
  /// Evaluates points of any format.
  ///
  /// - Parameter direction: for each point the gradient, with respect to its logits, of what the
  ///   gradient is wanted of; nil for no gradients.
  @specialized(where Scalar == Float, Point == Float)
  @specialized(where Scalar == Double, Point == Float)
  @specialized(where Scalar == Double, Point == Double)
  package func evaluate<Point: TensorScalar>(
    _ points: Tensor<Point>, workers: Workers,
    gradientOf direction: ((_ row: Int, _ logits: [Double]) -> [Double])?
  ) -> EvaluatedPoints {
    let pass = record(
      points.converted(), recording: direction == nil ? .nothing : .masks, workers: workers)
    let logits = (0..<points.shape[0]).map { row in pass.logits.row(row).map { Double($0) } }
    var gradients: Tensor<Scalar>?
    if let direction {
      let directions = logits.enumerated().flatMap { row, logits in
        direction(row, logits).map { Scalar($0) }
      }
      gradients = inputGradient(
        Tensor(shape: pass.logits.shape, elements: directions), pass, workers: workers)
    }
    return EvaluatedPoints(
      logits: logits, predictions: pass.logits.rowMaxima, gradients: gradients)
  }

  /// Runs searches to their ends.
  package func drive<Search: ImageSearch>(_ searches: inout [Search], workers: Workers) {
    if let ended = Search.ended(searches, on: self) {
      searches = ended
      return
    }
    var alive = searches.indices.filter { !searches[$0].isOver }
    while !alive.isEmpty {
      let groups = [true, false].map { wanted in
        alive.filter { searches[$0].wantsGradient == wanted }
      }
      for (group, wantsGradient) in zip(groups, [true, false]) where !group.isEmpty {
        advance(&searches, group, withGradient: wantsGradient, workers: workers)
      }
      alive.removeAll { searches[$0].isOver }
    }
  }

  /// One evaluation of some searches in one batch.
  package func advance<Search: ImageSearch>(
    _ searches: inout [Search], _ positions: [Int], withGradient: Bool, workers: Workers
  ) {
    let before = searches
    let points = Tensor<Search.Point>(
      shape: [positions.count] + inputShape, elements: positions.flatMap { before[$0].point })
    let found = evaluate(
      points, workers: workers,
      gradientOf: withGradient ? { before[positions[$0]].logitGradient($1) } : nil)
    let after = workers.map(positions.count) { row in
      var search = before[positions[row]]
      search.forwardPasses += 1
      search.backwardPasses += withGradient ? 1 : 0
      search.take(
        logits: found.logits[row], prediction: found.predictions[row],
        gradient: found.gradients?.gradient(at: row))
      return search
    }
    for (position, search) in zip(positions, after) { searches[position] = search }
  }
}

extension AttackInput {
  /// What an attack begins with: the logits of the images, and results in which those that are
  /// misclassified already stand at distance 0. The others are the survivors.
  func begin(
    on target: AttackTarget, workers: Workers
  ) -> (results: [AttackResult], logits: Tensor<Double>, survivors: [Int]) {
    var results = [AttackResult](repeating: AttackResult(), count: count)
    let logits = target.logits(of: self, workers: workers)
    for (position, prediction) in logits.rowMaxima.enumerated() {
      results[position].forwardPasses = 1
      if prediction != labels[position] {
        results[position].keep(Array(images.row(position)), distance: 0)
      }
    }
    return (results, logits, labels.indices.filter { results[$0].image == nil })
  }
}

extension AttackResult {
  /// Adds the passes of a search.
  mutating func count(_ search: some ImageSearch) {
    forwardPasses += search.forwardPasses
    backwardPasses += search.backwardPasses
  }
}

/// The classes other than the label by falling logit: the runner-up first.
func classesByLogit(_ logits: some Collection<Double>, label: Int) -> [Int] {
  let logits = Array(logits)
  return logits.indices.filter { $0 != label }.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
}
