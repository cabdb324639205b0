// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference
import Foundation

/// The distance of two computed solutions of dx/dt = F_t(x) over time, with what the integration's
/// own error can have done to it.
///
/// **What is proved.** The integrator leaves two curves u and v that are exact as stored
/// (`DormandPrinceStep`), polynomials on every step. With their defects r_u = u′ − F_t(u) and
/// r = r_u − r_v, δ = u − v satisfies δ′ = F_t(u) − F_t(v) + r. If μ_t I ⪯ Sym(∂F_t) ⪯ λ_t I, then
/// (μ_t‖δ‖ − ‖r‖) ≤ d/dt ‖δ‖ ≤ (λ_t‖δ‖ + ‖r‖), and so (Hairer, Nørsett and Wanner I, theorem I.10.6)
///
///     e^{∫μ}‖δ₀‖ − E^μ_t ≤ ‖δ_t‖ ≤ e^{∫λ}‖δ₀‖ + E^λ_t,   E^ρ_t = ∫₀ᵗ e^{∫_s^t ρ}‖r_s‖ ds + jumps,
///
/// a jump being what rounding makes of the end of a step. A distance outside of these bounds
/// **contradicts the claim** μ_t I ⪯ Sym(∂F_t) ⪯ λ_t I: nothing is assumed of the exact solutions.
/// E^ρ is summed step by step as duration · sup‖r‖ · e^{max(0, ρ)·duration}.
///
/// **What is sampled.** sup‖r‖ comes from twelve samples, rounding bounds included. For a polynomial
/// of degree at most 6 the factor `ChebyshevSamples.supremumFactor` is proved, and what the bends of a
/// field add to a polynomial is bounded apart. So the bound is proved for `LinearField` and with
/// quadratic, ReLU and Huber potentials. With log-sum-exp, whose defect is no polynomial, it is an
/// **estimate** of the supremum from its samples.
package struct DistanceHistory: Sendable {
  /// One end of a step.
  package struct Point: Sendable {
    package let time: Double
    /// ‖δ_t‖.
    package let distance: EnclosedDistance
    /// E^μ_t and E^λ_t, rounded up.
    package let errorBelow: Double
    package let errorAbove: Double
    /// E^λ of the last step alone.
    package let stepError: Double
  }

  /// The start and the end of every step.
  package let points: [Point]
  /// Steps that were tried and taken back because their defect was too large.
  package let rejectedSteps: Int
}

extension DistanceHistory {
  /// How an integration is to be done.
  package struct Settings: Sendable {
    /// The end of time; it starts at 0.
    package var duration: Double
    /// The most that duration · sup‖r‖ of a step may be, as a share of ‖δ₀‖.
    package var stepTolerance: Double
    /// The most steps, rejected ones included.
    package var stepLimit: Int

    package init(duration: Double, stepTolerance: Double = 1e-11, stepLimit: Int = 20_000) {
      self.duration = duration
      self.stepTolerance = stepTolerance
      self.stepLimit = stepLimit
    }
  }

  /// Integrates `field` from two points, in common steps.
  ///
  /// - Throws: `enclosureNotFound` when the steps' limit is reached, or when a number is not
  ///   finite.
  /// - Complexity: 36 evaluations of the field a step: 12 in the method, 24 of the defect.
  package init(
    _ field: some VectorField, from start: (x: [Double], y: [Double]), _ settings: Settings
  ) throws(VerificationError) {
    precondition(start.x.count == field.dimension && start.y.count == field.dimension)
    var integration = Integration(field, start: start, settings: settings)
    while integration.time < settings.duration { try integration.advance() }
    points = integration.points
    rejectedSteps = integration.rejected
  }
}

/// The loop of an integration and what it carries from step to step.
private struct Integration<Field: VectorField> {
  let field: Field
  let settings: DistanceHistory.Settings
  let largestDefect: Double
  var time = 0.0
  var duration: Double
  var state: [Double]
  var slope: [Double]
  var points: [DistanceHistory.Point]
  var tried = 0
  var rejected = 0

  init(
    _ field: Field, start: (x: [Double], y: [Double]), settings: DistanceHistory.Settings
  ) {
    self.field = field
    self.settings = settings
    state = start.x + start.y
    let distance = EnclosedDistance(start.x, start.y)
    points = [
      DistanceHistory.Point(
        time: 0, distance: distance, errorBelow: 0, errorAbove: 0, stepError: 0)
    ]
    largestDefect = settings.stepTolerance * distance.lowerBound
    duration = settings.duration / 100
    slope = []
    slope = derivative(0, state)
  }

  /// F of both halves of a state.
  func derivative(_ time: Double, _ state: [Double]) -> [Double] {
    let half = field.dimension
    return field.evaluate(Array(state[..<half]), time: time).value
      + field.evaluate(Array(state[half...]), time: time).value
  }

  /// One step, with as many attempts as it takes.
  mutating func advance() throws(VerificationError) {
    while true {
      tried += 1
      guard tried <= settings.stepLimit else {
        throw failure("\(settings.stepLimit) steps led no farther than time \(time)")
      }
      let isLast = time + duration >= settings.duration
      let end = isLast ? settings.duration : time + duration
      let step = DormandPrinceStep(
        from: state, slope: slope, start: time, duration: end - time, derivative)
      let defect = defectUpperBound(step)
      guard defect.supremum.isFinite else {
        throw failure("a number is not finite at time \(time)")
      }
      let ratio = step.duration * defect.supremum / largestDefect
      // The defect is of order 4 and its integral of order 5. Rounding alone never rejects a step:
      // a shorter one would not make it less.
      let isRounding = defect.supremum < 4 * defect.rounding
      let factor = min(5, max(0.2, 0.9 * pow(ratio, -0.2)))
      if ratio <= 1 || isRounding {
        record(step, defect: defect.supremum, end: end)
        if !isLast { duration = step.duration * max(1, factor) }
        (time, state, slope) = (end, step.end, step.endSlope)
        return
      }
      rejected += 1
      duration = step.duration * min(factor, 0.9)
    }
  }

  /// A bound on sup‖r‖ over a step, and the part of it that is rounding.
  private func defectUpperBound(
    _ step: DormandPrinceStep
  ) -> (supremum: Double, rounding: Double) {
    let half = field.dimension
    let halves = [0..<half, half..<2 * half]
    let lipschitz = field.lipschitzUpperBound(until: step.start + step.duration)
    let fixed = halves.reduce(0) {
      $0 + step.slopeRounding(in: $1) + lipschitz * step.curveRounding(in: $1)
    }
    let curves = ChebyshevSamples.places.map(step.state)
    var (largest, rounding) = (0.0, 0.0)
    for (place, curve) in zip(ChebyshevSamples.places, curves) {
      let slope = step.slope(at: place)
      let now = step.start + place * step.duration
      let (f, g) = (
        field.evaluate(Array(curve[..<half]), time: now),
        field.evaluate(Array(curve[half...]), time: now)
      )
      let difference = (0..<half).map { index -> Double in
        let first = slope[index] - f.value[index]
        let second = slope[half + index] - g.value[index]
        return first - second
      }
      // Each of the three differences of a component errs by u of its result.
      let cancellation =
        2 * Rounding.unitRoundoff
        * (EuclideanNorm.upperBound(slope) + EuclideanNorm.upperBound(f.value)
          + EuclideanNorm.upperBound(g.value))
      let error = fixed + f.errorBound + g.errorBound + 2 * cancellation
      rounding = max(rounding, error)
      // `max` passes over NaN; a sum keeps it.
      let sample = EuclideanNorm.upperBound(difference) + error
      largest = sample > largest || sample.isNaN ? sample : largest
    }
    let factor = ChebyshevSamples.supremumFactor * (1 + 0x1p-40)
    let bent = halves.reduce(0) { $0 + bendUpperBound(step, curves, in: $1) }
    // The samples of the polynomial differ from those of r by at most what the bends add.
    return (factor * (largest + bent) + bent, factor * rounding)
  }

  /// A bound on how far bends take F(u) away from a polynomial in θ over a step.
  ///
  /// Along u, b_j is a polynomial of degree 4, and max(b_j, 0) is 0 or b_j where it keeps its sign.
  /// Where it may not, it differs from 0 by at most sup b_j and from b_j by at most sup(−b_j), of
  /// which the smaller one counts.
  private func bendUpperBound(
    _ step: DormandPrinceStep, _ curves: [[Double]], in range: Range<Int>
  ) -> Double {
    let weights = field.bendWeights
    if weights.isEmpty { return 0 }
    let samples = curves.map { field.bendArguments(Array($0[range])) }
    let error = samples.reduce(0) { max($0, $1.errorBound) }
    let moved = step.curveRounding(in: range)
    var total = 0.0
    for (index, weight) in weights.enumerated() {
      guard let values = ChebyshevSamples.range(ofQuartic: samples.map { $0.value[index] }) else {
        return .infinity
      }
      let slack = error + weight * moved
      total += weight * max(0, min(values.upperBound + slack, slack - values.lowerBound))
    }
    return total * (1 + 0x1p-40)
  }

  private mutating func record(_ step: DormandPrinceStep, defect: Double, end: Double) {
    let interval = step.start...end
    // Both halves round once at the step's end; and its duration may be a rounding off, which
    // changes slopes by u of themselves.
    let jump =
      4 * Rounding.unitRoundoff
      * (EuclideanNorm.upperBound(step.end) + step.coefficientNorm(in: 0..<step.end.count))
    func accumulated(_ before: Double, _ rate: LinearRate) -> (total: Double, step: Double) {
      let largestRate = max(0, rate[step.start], rate[end])
      let own = Rounding.up.sum(
        jump, step.duration * defect * exp(largestRate * step.duration) * (1 + 0x1p-40))
      let carried = Rounding.up.product(rate.growth(over: interval, .up), before)
      return (Rounding.up.sum(carried, own), own)
    }
    let last = points[points.count - 1]
    let above = accumulated(last.errorAbove, field.upperRate)
    let below = accumulated(last.errorBelow, field.lowerRate)
    points.append(
      DistanceHistory.Point(
        time: end,
        distance: EnclosedDistance(
          Array(step.end[..<field.dimension]), Array(step.end[field.dimension...])),
        errorBelow: below.total, errorAbove: above.total, stepError: above.step))
  }

  private func failure(_ reason: String) -> VerificationError {
    .enclosureNotFound(what: "integration", reason: reason)
  }
}
