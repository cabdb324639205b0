// SPDX-License-Identifier: Apache-2.0

/// What a step of PGD does beside going so far along a gradient.
package struct AscentRule: Sendable {
  /// The length that shorter gradients are taken to have.
  package let leastGradient: Double
  /// Whether the step is projected to the box and then to the ball; else to the ball and then to the box.
  package let endsInBall: Bool

  package init(leastGradient: Double, endsInBall: Bool) {
    (self.leastGradient, self.endsInBall) = (leastGradient, endsInBall)
  }
}

/// The steps of gradient attacks. Devices make the same ones (`DeviceBalls`), of many images at once.
extension Ball {
  /// A step of normalised gradient ascent from a point of the ball, x + (s/‖g‖)·g, projected; the point
  /// itself where s is 0 and where g is 0 or not finite, which leads nowhere.
  ///
  /// - Parameter length: s.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func ascent(
    from point: [Scalar], along gradient: ArraySlice<Double>, length: Double, _ rule: AscentRule
  ) -> [Scalar] {
    let scale = Self.scale(of: gradient, to: length, least: rule.leastGradient)
    guard scale > 0 else { return point }
    var moved = zip(point, gradient).map { Scalar(Double($0) + scale * $1) }
    if rule.endsInBall { Self.projectToBox(&moved) }
    projectToBall(&moved)
    if !rule.endsInBall { Self.projectToBox(&moved) }
    return moved
  }

  /// A step of APGD (Croce and Hein 2020, Algorithm 1): with z = clip(P(x_k + s·g/‖g‖)), P the projection
  /// to the ball and clip that to the box,
  ///
  ///     clip(P(x_k + a(z − x_k) + (1 − a)(x_k − x_{k−1})))
  ///
  /// Where g is 0 or not finite, or s is 0, z = clip(P(x_k)).
  ///
  /// - Parameters:
  ///   - point: x_k.
  ///   - previous: x_{k−1}.
  ///   - length: s.
  ///   - share: a.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func ascentWithMomentum(
    from point: [Scalar], previous: [Scalar], along gradient: ArraySlice<Double>, length: Double,
    share: Double
  ) -> [Scalar] {
    let scale = Self.scale(of: gradient, to: length, least: 0)
    let ascended = projected(
      zip(point, gradient).map { scale > 0 ? Double($0) + scale * $1 : Double($0) })
    let moved = point.indices.map { index in
      let (current, last) = (Double(point[index]), Double(previous[index]))
      return current + share * (ascended[index] - current) + (1 - share) * (current - last)
    }
    return projected(moved).map { Scalar($0) }
  }

  /// s/max(‖g‖, least); 0 where the gradient is 0 or not finite.
  package static func scale(
    of gradient: ArraySlice<Double>, to length: Double, least: Double
  ) -> Double {
    let slope = gradient.euclideanLength
    return slope > 0 && slope.isFinite ? length / max(slope, least) : 0
  }
}
