// SPDX-License-Identifier: Apache-2.0

/// The shortest step d from a point of the box [0, 1]^n to a hyperplane, within the box (Croce and
/// Hein 2020, *Minimally distorted adversarial examples with a fast adaptive boundary attack*,
/// section 2.2): ⟨w, d⟩ = −value, 0 ≤ x + d ≤ 1; where the box does not reach the hyperplane, the step to
/// the box's point nearest to it.
///
/// d_i = −min(λ, r_i) v_i with v = ±w so that v points away from the hyperplane, r_i the λ at which
/// coordinate i meets the box, and λ the root of Σ v_i² min(λ, r_i) = |value|. The left-hand side is concave
/// and piecewise linear, so Newton's method from below ends at the root after finitely many steps.
/// Coordinates with |w_i| ≤ 1e-8·max|w| do not move, and none does along a w that is 0 or not finite.
/// Complexity: a few passes over n numbers. Devices make the same steps, of many points at once.
///
/// - Parameter value: what the linear function that is to become 0 is at the point.
package func boxStep(from point: [Double], along w: [Double], value: Double) -> [Double] {
  guard value.isFinite, w.allSatisfy(\.isFinite) else {
    return [Double](repeating: 0, count: point.count)
  }
  let sign: Double = value < 0 ? -1 : 1
  let amount = abs(value)
  let least = 1e-8 * w.reduce(0) { max($0, abs($1)) }
  var reaches = [Double](repeating: 0, count: point.count)
  var slope = 0.0
  for index in point.indices where abs(w[index]) > least {
    let v = sign * w[index]
    reaches[index] = (v > 0 ? point[index] : point[index] - 1) / v
    slope += v * v
  }
  var multiplier = slope > 0 ? amount / slope : 0
  var moving = -1
  while true {
    var (sum, count) = (0.0, 0)
    slope = 0
    for index in point.indices {
      let square = w[index] * w[index]
      if reaches[index] > multiplier {
        slope += square
        count += 1
      }
      sum += square * min(multiplier, reaches[index])
    }
    // The coordinates that meet the box have been the same before: the root is found.
    if count == moving || count == 0 || !(slope > 0) { break }
    moving = count
    multiplier += max(0, (amount - sum) / slope)
  }
  return point.indices.map { -min(multiplier, reaches[$0]) * sign * w[$0] }
}
