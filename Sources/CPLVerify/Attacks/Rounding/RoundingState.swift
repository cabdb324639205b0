// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// The rounding search of one image.
package struct RoundingState<Point: TensorScalar>: Sendable {
  let ball: UlpBall<Point>
  /// The real point that is aimed at: in the box, on the ball's rim where the box allows it.
  private(set) var target: [Double]
  /// In which direction each coordinate goes on the way there: −1, 0 or 1.
  private var signs: [Int]
  /// The image with the least executed margin so far.
  private var best: [Point]?
  private var leastMargin = Double.infinity
  /// An image inside the ball that is of another class.
  package private(set) var adversarial: [Point]?
  package internal(set) var forwardPasses = 0
  package internal(set) var backwardPasses = 0

  init(ball: UlpBall<Point>) {
    self.ball = ball
    target = ball.center.map { Double($0) }
    signs = Array(repeating: 0, count: target.count)
  }

  /// Aims at the point of the ball and the box that lies farthest along `direction`.
  mutating func aim(along direction: [Double]) {
    target = ball.rimPoint(along: direction)
    signs = direction.map { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
  }

  /// A new image just inside the ball: the target rounded at random, or the best image so far with
  /// some of its coordinates moved by an ulp.
  func candidate(_ random: inout CounterRandom) -> [Point] {
    var image =
      if let best { ball.varied(best, &random) } else { ball.rounded(target, &random) }
    ball.fill(&image, along: signs, from: random.below(image.count))
    return image
  }

  /// Keeps what an evaluation showed.
  mutating func take(_ image: [Point], logits: [Double], prediction: Int, label: Int) {
    forwardPasses += 1
    guard ball.contains(image) else { return }
    if prediction != label, adversarial == nil { adversarial = image }
    let others = logits.indices.filter { $0 != label }
    let margin = others.map { logits[label] - logits[$0] }.min() ?? .infinity
    if margin < leastMargin { (best, leastMargin) = (image, margin) }
  }
}

/// A ball around an image, inside the box [0, 1]^d, whose points are numbers of one format.
struct UlpBall<Point: TensorScalar>: Sendable {
  let center: [Point]
  let radius: Double

  /// Whether an image lies in the closed ball and in the box, beyond doubt.
  func contains(_ image: [Point]) -> Bool {
    image.allSatisfy { (0...1).contains($0) } && Distance(image, center).upperBound <= radius
  }

  /// The end of the path clip(center + λ·direction) in the ball: λ by halving.
  func rimPoint(along direction: [Double]) -> [Double] {
    let origin = center.map { Double($0) }
    func coordinate(_ index: Int, _ scale: Double) -> Double {
      min(max(origin[index] + scale * direction[index], 0), 1)
    }
    func isInside(_ scale: Double) -> Bool {
      var square = 0.0
      for index in origin.indices {
        let offset = coordinate(index, scale) - origin[index]
        square += offset * offset
      }
      return square <= radius * radius
    }
    let length = EuclideanNorm.upperBound(direction)
    guard length > 0, length.isFinite, radius.isFinite else { return origin }
    var (inside, outside) = (0.0, 2 * radius / length)
    // Where coordinates meet the box, the others have to go farther.
    for _ in 0..<20 where isInside(outside) { (inside, outside) = (outside, 2 * outside) }
    for _ in 0..<60 {
      let middle = (inside + outside) / 2
      if isInside(middle) { inside = middle } else { outside = middle }
    }
    return origin.indices.map { coordinate($0, inside) }
  }

  /// Every coordinate of a real point to one of its two neighbours in the format, the nearer one
  /// with the greater probability, after a step towards the centre as long as that may lead astray.
  func rounded(_ target: [Double], _ random: inout CounterRandom) -> [Point] {
    let shrink = max(0, 1 - Double(Point.ulpOfOne) / radius)
    return zip(center, target).map { origin, coordinate in
      let aim = Double(origin) + (coordinate - Double(origin)) * shrink
      let nearest = Point(aim)
      let other = Double(nearest) < aim ? nearest.nextUp : nearest.nextDown
      let share = (aim - Double(nearest)) / (Double(other) - Double(nearest))
      return clipped(random.uniform() < share ? other : nearest)
    }
  }

  /// A quarter of the coordinates moved by an ulp, up or down.
  func varied(_ image: [Point], _ random: inout CounterRandom) -> [Point] {
    image.map { coordinate in
      switch random.below(8) {
      case 0: clipped(coordinate.nextUp)
      case 1: clipped(coordinate.nextDown)
      default: coordinate
      }
    }
  }

  /// Brings an image into the ball, and then as near to its rim as ulps allow: from coordinate
  /// `first` on, each moves by an ulp towards the centre as long as the image lies outside, and then
  /// each by an ulp along its sign as long as that does not lead outside again.
  func fill(_ image: inout [Point], along signs: [Int], from first: Int) {
    // `contains` rounds distances up.
    let reserve = radius * radius * 0x1p-49
    var slack = Distance(image, center).slack(in: radius) - reserve
    func move(_ index: Int, to new: Point, if allowed: (Double) -> Bool) {
      let (old, origin) = (Double(image[index]), Double(center[index]))
      let growth = (Double(new) - old) * ((Double(new) - origin) + (old - origin))
      guard allowed(growth) else { return }
      image[index] = new
      slack -= growth
    }
    let order = [first..<image.count, 0..<first]
    for range in order {
      for index in range where slack < 0 && image[index] != center[index] {
        let inward = image[index] > center[index] ? image[index].nextDown : image[index].nextUp
        move(index, to: inward) { _ in true }
      }
    }
    for range in order {
      for index in range where signs[index] != 0 {
        let outward = signs[index] > 0 ? image[index].nextUp : image[index].nextDown
        guard (0...1).contains(outward) else { continue }
        move(index, to: outward) { $0 <= slack }
      }
    }
  }

  private func clipped(_ coordinate: Point) -> Point { min(max(coordinate, 0), 1) }
}
