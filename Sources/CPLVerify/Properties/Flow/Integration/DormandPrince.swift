// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// One step of the explicit Runge–Kutta method of order 5 by Dormand and Prince (*A family of
/// embedded Runge–Kutta formulae*, J. Comput. Appl. Math. 6, 1980), with Shampine's continuous
/// extension of order 4 (Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I*,
/// section II.6).
///
/// The embedded method of order 4 is left out: its difference only estimates an error, while the
/// extension's defect bounds it (`DistanceHistory`), and that is what step sizes are chosen by.
///
/// The extension is the polynomial of degree 4
///
///     u(θ) = y + θ(d + (1 − θ)(r₃ + θ(r₄ + (1 − θ) r₅))),   θ = (t − start)/duration
///
/// of the vectors **as stored**: u is an exact curve whatever its coefficients were rounded from.
/// It starts at y = `state` and ends at y + d, from which `end` differs by one rounding.
package struct DormandPrinceStep: Sendable {
  package let start: Double
  package let duration: Double
  /// y.
  package let state: [Double]
  /// The method of order 5 at the end of the step, d + y rounded.
  package let end: [Double]
  /// F at the end, which is the first stage of the next step.
  package let endSlope: [Double]
  /// d, r₃, r₄, r₅.
  private let coefficients: [[Double]]

  /// The step from `state` at time `start`.
  ///
  /// - Parameter slope: F at the start.
  /// - Parameter field: F.
  /// - Complexity: six evaluations of F.
  package init(
    from state: [Double], slope: [Double], start: Double, duration: Double,
    _ field: (_ time: Double, _ state: [Double]) -> [Double]
  ) {
    self.start = start
    self.duration = duration
    self.state = state
    var stages = [slope]
    for (node, row) in zip(Self.nodes, Self.rows) {
      let offset = Self.combination(row, stages, duration)
      stages.append(field(start + node * duration, zip(state, offset).map(+)))
    }
    let increment = Self.combination(Self.rows[5], stages, duration)
    end = zip(state, increment).map(+)
    endSlope = stages[6]
    let bend = zip(slope, increment).map { duration * $0 - $1 }
    let skew = zip(zip(increment, endSlope), bend).map { $0.0 - duration * $0.1 - $1 }
    coefficients = [
      increment, bend, skew, Self.combination(Self.extensionWeights, stages, duration),
    ]
  }

  /// u(θ), rounded: the error is at most `curveRounding`.
  package func state(at theta: Double) -> [Double] {
    let rest = 1 - theta
    return sum(of: [theta, theta * rest, theta * theta * rest, theta * theta * rest * rest], state)
  }

  /// du/dt at θ, rounded: the error is at most `slopeRounding`.
  package func slope(at theta: Double) -> [Double] {
    let rest = 1 - theta
    return sum(
      of: [
        1, rest - theta, theta * (2 - 3 * theta), 2 * theta * rest * (rest - theta),
      ].map { $0 / duration }, Array(repeating: 0, count: state.count))
  }

  /// Σ w_i c_i + offset, c the extension's coefficients.
  private func sum(of weights: [Double], _ offset: [Double]) -> [Double] {
    var total = offset
    for (weight, vector) in zip(weights, coefficients) {
      for index in total.indices { total[index].addProduct(weight, vector[index]) }
    }
    return total
  }

  /// A bound on ‖computed − exact‖ of `state(at:)` for the components in `range`.
  ///
  /// The weights are at most 1 and err by at most 4u, and four fused operations follow:
  /// γ_10(‖y‖ + ‖d‖ + ‖r₃‖ + ‖r₄‖ + ‖r₅‖).
  package func curveRounding(in range: Range<Int>) -> Double {
    Rounding.gamma(10)
      * (EuclideanNorm.upperBound(Array(state[range])) + coefficientNorm(in: range))
  }

  /// A bound on ‖computed − exact‖ of `slope(at:)` for the components in `range`, as above.
  package func slopeRounding(in range: Range<Int>) -> Double {
    Rounding.gamma(14) * coefficientNorm(in: range) / duration
  }

  /// ‖d‖ + ‖r₃‖ + ‖r₄‖ + ‖r₅‖, of which duration·‖du/dt‖ is no larger.
  package func coefficientNorm(in range: Range<Int>) -> Double {
    coefficients.reduce(0) { $0 + EuclideanNorm.upperBound(Array($1[range])) }
  }

  /// duration · Σ w_i k_i.
  private static func combination(
    _ weights: [Double], _ stages: [[Double]], _ duration: Double
  ) -> [Double] {
    var total = [Double](repeating: 0, count: stages[0].count)
    for (weight, stage) in zip(weights, stages) where weight != 0 {
      for index in total.indices { total[index].addProduct(weight, stage[index]) }
    }
    return total.map { $0 * duration }
  }
}

extension DormandPrinceStep {
  /// c₂ … c₇.
  private static let nodes = [1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1]

  /// The rows a₂ … a₇ of the tableau; the last is the method of order 5 itself.
  private static let rows: [[Double]] = [
    [1.0 / 5],
    [3.0 / 40, 9.0 / 40],
    [44.0 / 45, -56.0 / 15, 32.0 / 9],
    [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
    [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
    [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
  ]

  /// r₅'s weights.
  private static let extensionWeights: [Double] = [
    -12_715_105_075.0 / 11_282_082_432, 0, 87_487_479_700.0 / 32_700_410_799,
    -10_690_763_975.0 / 1_880_347_072, 701_980_252_875.0 / 199_316_789_632,
    -1_453_857_185.0 / 822_651_844, 69_997_945.0 / 29_380_423,
  ]
}
