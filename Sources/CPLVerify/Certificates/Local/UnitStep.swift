// SPDX-License-Identifier: Apache-2.0

/// The units of one layer and problem: their maxima, and the proximal step of their touching points
/// (`LocalSearch`).
struct UnitStep {
  /// Σ max U_i.
  private(set) var value = 0.0
  /// ⟨y, Ny⟩.
  private(set) var height = 0.0
  /// ΣΔ² of the mixture.
  private(set) var squares = 0.0
  /// ∂D/∂π at the mixture.
  private(set) var price = 0.0

  private let twice: Float
  private let step: Float
  private let curvature: Float
  private let reach: Float

  init(price: Float, step: Float, curvature: Float, reach: Float) {
    twice = 2 * price
    self.step = step
    self.curvature = curvature
    self.reach = reach
  }

  mutating func run(
    _ units: Int, _ rowNorms: UnsafePointer<Float>, preactivations: UnsafePointer<Float>,
    forward: UnsafePointer<Float>, linear: UnsafePointer<Float>, plane: UnsafePointer<Float>,
    touches: UnsafePointer<Float>, moves: UnsafeMutablePointer<Float>,
    mixtures: UnsafeMutablePointer<Float>
  ) {
    let switching = twice * step
    let half = 0.5 * curvature
    let inverse = 1 / curvature
    let pull = 2 * switching
    let inversePull = 1 / pull
    let inverseBoth = 1 / (curvature + pull)
    var start = 0
    while start < units {
      let end = min(units, start + 256)
      var (value, height, squares, cost): (Float, Float, Float, Float) = (0, 0, 0, 0)
      for unit in start..<end {
        let (p, b, c, y) = (preactivations[unit], forward[unit], linear[unit], touches[unit])
        let normal = plane[unit]
        let v = twice * normal
        let cap = rowNorms[unit] * reach
        let positive = max(p, 0)
        let negative = min(p, 0)
        let canBeOff = p <= cap
        let canBeOn = -p <= cap
        // Off: s = −p₊ and the best Δ there.
        let offMove = min(max((switching * positive - c) * inverse, -cap), min(-p, cap))
        let offValue =
          switching * positive * (offMove + positive) - b * positive - c * offMove
          - half * offMove * offMove
        // On, by x = s + p₊ = Δ + p ≥ 0: F₁ + Bx − ½λx².
        let outer = b + switching * negative
        let slope = outer - c + curvature * p
        let origin = c * p - outer * positive - half * p * p
        let low = max(0, p - cap)
        let high = max(cap + p, 0)
        // The bridge from the point at x = 0 to the arc.
        let gap = max(0, offValue - origin)
        let tangent = (2 * gap * inverse).squareRoot()
        let foot = canBeOff ? min(tangent, high) : low
        let bridge =
          tangent < high ? slope - curvature * foot : slope - half * foot - gap / max(high, 1e-30)
        // The maximum itself.
        let onPoint = min(max((slope - v) * inverse, low), high)
        let onValue = origin + onPoint * (slope - half * onPoint) - v * (onPoint - positive)
        let offTotal = offValue + v * positive
        value += canBeOff ? (canBeOn ? max(offTotal, onValue) : offTotal) : onValue
        height += y * normal
        // The proximal step.
        let centre = y + positive
        let bridged = centre + (bridge - v) * inversePull
        let arc = min(max((slope - v + pull * centre) * inverseBoth, max(foot, low)), high)
        let isBridged = canBeOff && bridged < foot
        let onX = isBridged ? foot : arc
        let share = canBeOn ? (isBridged ? max(bridged, 0) / max(foot, 1e-30) : 1) : 0
        let x = share * onX
        let onMove = onX - p
        let move = (1 - share) * offMove + share * onMove
        let mixture = x - positive
        moves[unit] = move
        mixtures[unit] = mixture
        squares += (1 - share) * offMove * offMove + share * onMove * onMove
        cost +=
          y * normal - 2 * normal * mixture
          + 2 * step
          * ((1 - share) * positive * (offMove + positive)
            + share * negative * (onX - positive))
      }
      self.value += Double(value)
      self.height += Double(height)
      self.squares += Double(squares)
      price += Double(cost)
      start = end
    }
  }
}
