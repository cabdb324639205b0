// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// The Square attack on one image in the ℓ2 ball (Andriushchenko, Croce, Flammarion and Hein 2020,
/// *Square attack: a query-efficient black-box adversarial attack via random search*, Algorithm 3).
///
/// It starts from a grid of 5×5 bumps, scaled to ε, the radius that the ball's projections aim at. A query
/// empties one window of the difference δ to the image; another one receives the direction of its old
/// content plus a bump, with the length √(max(ε² − ‖δ‖², 0)/c + ‖δ on both windows‖²) in each of the c
/// channels; the whole is scaled to ε again and clipped. It is accepted when the margin z_y − max_{j≠y} z_j
/// falls or is not positive.
package struct SquareSearch<Scalar: TensorScalar>: ImageSearch {
  private let ball: Ball<Scalar>
  private let label: Int
  /// How many queries an image has.
  package static var queries: Int { 5000 }

  private let queries: Int
  private let image: ImageShape
  private let propose: @Sendable (_ query: Int, _ window: Int) -> SquareProposal

  package private(set) var point: [Scalar]
  /// The last point that was accepted.
  package private(set) var best: [Scalar]
  private var leastMargin = Double.infinity
  private var query = -1
  /// Whether the last query was accepted.
  package private(set) var isAccepted = false
  /// An image of another class, in the ball.
  package private(set) var adversarial: [Scalar]?
  package var forwardPasses = 0
  package var backwardPasses = 0

  /// - Parameters:
  ///   - start: the bumps of the start, row by row.
  ///   - propose: what chance decides in each query, counted from 0, with windows of a height and width.
  package init(
    _ ball: Ball<Scalar>, label: Int, shape: ImageShape, queries: Int = Self.queries,
    start: [SquareProposal.Bump],
    propose: @escaping @Sendable (_ query: Int, _ window: Int) -> SquareProposal
  ) {
    self.ball = ball
    self.label = label
    self.queries = queries
    image = shape
    self.propose = propose
    point = Array(ball.center)
    best = point
    var difference = [Double](repeating: 0, count: point.count)
    let grid = SquareShape.Grid(image)
    for (tile, bump) in zip(0..<grid.count, start) {
      for channel in 0..<image.channels {
        let values = Self.values(of: bump, window: grid.tile, channel: channel)
        forEach(in: grid.tile, at: grid.corner(tile), channel) { difference[$0] = values[$1] }
      }
    }
    point = clipped(difference)
  }

  package var isOver: Bool { adversarial != nil || query >= queries }
  package var wantsGradient: Bool { false }

  package func logitGradient(_ logits: [Double]) -> [Double] { [] }

  package mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?) {
    let others = logits.indices.filter { $0 != label }.map { logits[$0] }
    let margin = logits[label] - (others.max() ?? -.infinity)
    isAccepted = margin < leastMargin || margin <= 0
    if isAccepted {
      best = point
      leastMargin = min(margin, leastMargin)
    }
    if prediction != label, ball.contains(point) { adversarial = point }
    query += 1
    if !isOver { move() }
  }

  private mutating func move() {
    let window = SquareShape.window(query: query, image: image)
    let proposal = propose(query, window)
    var difference = zip(best, ball.center).map { Double($0) - Double($1) }
    let total = difference.euclideanLength
    var both = 0.0
    for channel in 0..<image.channels {
      forEach(in: window, at: proposal.receiving, channel) { index, _ in
        both += difference[index] * difference[index]
      }
      forEach(in: window, at: proposal.emptied, channel) { index, _ in
        let (row, column) = (index % image.planeCount / image.width, index % image.width)
        let isCounted =
          (proposal.receiving.row..<proposal.receiving.row + window).contains(row)
          && (proposal.receiving.column..<proposal.receiving.column + window).contains(column)
        if !isCounted { both += difference[index] * difference[index] }
      }
    }
    let free = max(ball.target * ball.target - total * total, 0) / Double(image.channels)
    let length = (free + both).squareRoot()
    var received: [[Double]] = []
    for channel in 0..<image.channels {
      var values = Self.values(of: proposal.bump, window: window, channel: channel)
      var old = 0.0
      forEach(in: window, at: proposal.receiving, channel) { index, _ in
        old += difference[index] * difference[index]
      }
      let scale = 1 / (1e-12 + old.squareRoot())
      forEach(in: window, at: proposal.receiving, channel) {
        values[$1] += difference[$0] * scale
      }
      let normalized = length / (1e-12 + values.euclideanLength)
      received.append(values.map { $0 * normalized })
    }
    for channel in 0..<image.channels {
      forEach(in: window, at: proposal.emptied, channel) { index, _ in
        difference[index] = 0
      }
      forEach(in: window, at: proposal.receiving, channel) {
        difference[$0] = received[channel][$1]
      }
    }
    point = clipped(difference)
  }

  /// The image plus a difference scaled to ε, in the box.
  private func clipped(_ difference: [Double]) -> [Scalar] {
    let scale = ball.target / (difference.euclideanLength + 1e-12)
    return zip(ball.center, difference).map {
      Scalar(min(max(Double($0) + scale * $1, 0), 1))
    }
  }

  /// A bump's values in one channel.
  private static func values(
    of bump: SquareProposal.Bump, window: Int, channel: Int
  ) -> [Double] {
    let values = SquareShape.bump(window: window)
    let sign: Double = bump.flips[channel] ? -1 : 1
    return values.indices.map { index in
      sign * values[bump.isTransposed ? index % window * window + index / window : index]
    }
  }

  /// Calls `body` with the position in the image and the one in the window, for each pixel of a
  /// window in one channel.
  private func forEach(
    in window: Int, at corner: (row: Int, column: Int), _ channel: Int,
    _ body: (_ index: Int, _ position: Int) -> Void
  ) {
    for row in 0..<window {
      let first = (channel * image.height + corner.row + row) * image.width + corner.column
      for column in 0..<window { body(first + column, row * window + column) }
    }
  }
}
