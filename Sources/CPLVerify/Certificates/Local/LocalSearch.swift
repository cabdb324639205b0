// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import Foundation

/// A margin that is to be proved at a radius.
package struct LocalProblem: Sendable {
  /// p̃ of each residual layer.
  package var preactivations: [[Double]]
  package let pair: (label: Int, other: Int)
  /// t.
  package var radius: Double
  /// What the margin may fall by.
  package var margin: Double
  /// ρ, what reaches the features if it falls by as much.
  package var featureDistance: Double
  /// What lengths and margins were multiplied by, powers of two.
  fileprivate(set) var scales = (length: 1.0, margin: 1.0)

  package init(
    preactivations: [[Double]], pair: (label: Int, other: Int), radius: Double, margin: Double,
    featureDistance: Double
  ) {
    self.preactivations = preactivations
    self.pair = pair
    self.radius = radius
    self.margin = margin
    self.featureDistance = featureDistance
  }

  /// The same with lengths and margins of about 1, which binary32 holds whatever the network's scale: exactly the
  /// same numbers for a network that is multiplied by a power of two.
  fileprivate func scaled(lipschitz: Double) -> LocalProblem {
    var problem = self
    let length = Self.inverse(of: lipschitz * radius)
    problem.scales = (length, Self.inverse(of: margin))
    problem.preactivations = preactivations.map { $0.map { $0 * length } }
    problem.radius *= length
    problem.featureDistance *= length
    problem.margin *= problem.scales.margin
    return problem
  }

  /// The power of two that brings a number to [1, 2); 1 where there is none.
  private static func inverse(of number: Double) -> Double {
    number.isNormal ? scalbn(1.0, -Int(number.exponent)) : 1
  }

  /// What gradients are multiplied by.
  var gradientScale: Double { scales.margin / scales.length }
  /// What prices are multiplied by.
  var priceScale: Double { gradientScale / scales.length }
}

/// The search for multipliers with which `LocalBound` proves a margin: a minimisation of D(t) in binary32,
/// many problems side by side. Nothing rests on what it computes.
///
/// D is jointly convex in what is chosen. Slopes and the logarithms of λ and μ follow Adam. The touching
/// points y follow an accelerated proximal gradient method on the problem that is dual to theirs: for fixed
/// other multipliers
///
///     min_y max_s [π yᵀNy − 2π yᵀNs + Σ φ_i(s_i)] = max_s [Σ φ̂_i(s_i) − π sᵀNs],   N = 2hI − h²WWᵀ,
///
/// φ_i(s) what U_i leaves for the best Δ and φ̂_i its concave envelope: a point (the unit is off) and an arc (it
/// is on), bridged by a tangent. N ≤ 2hI, so that a step is s ← argmax Σ φ̂_i(s_i) − 2π⟨Ny, s⟩ − 2πh‖s − y‖², unit by
/// unit in closed form, and y ← s + momentum. A point of the bridge mixes *on* and *off*; with the mixture's Δ
/// and s the other gradients change smoothly, too (Danskin's theorem).
package struct LocalSearch: Sendable {
  /// How far it goes.
  package struct Settings: Sendable {
    package var steps = 200
    package var slopeRate = 0.05
    package var curvatureRate = 0.2
    package var priceRate = 0.3
    package var momentum: Float = 0.5

    package init() {}
  }

  private let network: LocalNetwork
  private let layers: [ResidualPart]
  private let settings: Settings

  package init(_ network: LocalNetwork, _ settings: Settings = Settings()) {
    self.network = network
    self.settings = settings
    layers = network.residuals
  }

  /// Works on all problems at once until each is proved or the steps are over.
  ///
  /// - Parameter prove: whether multipliers prove a problem; asked when the search believes so.
  /// - Returns: for each problem the number of steps that it took, nil when it was not proved; and the least D
  ///   over the margin that was seen.
  package func run(
    _ problems: [LocalProblem], mayGoOn: () -> Bool = { true },
    prove: (_ problem: Int, LocalMultipliers) -> Bool
  ) -> [(steps: Int?, least: Double)] {
    var results = problems.map { _ in (steps: Int?.none, least: Double.infinity) }
    let problems = problems.map { $0.scaled(lipschitz: network.lipschitz) }
    var state = LocalSearchState(problems, network)
    for step in 0..<settings.steps {
      guard !state.rows.isEmpty, mayGoOn() else { break }
      let values = state.evaluate()
      var open: [Int] = []
      for (row, problem) in state.rows.enumerated() {
        let share = values[row] / problems[problem].margin
        results[problem].least = min(results[problem].least, share)
        if share < 1, prove(problem, state.multipliers(row)) {
          results[problem].steps = step + 1
        } else {
          open.append(row)
        }
      }
      if open.count < state.rows.count { state.keep(open) }
      let rate = max(0.02, 1 - Double(step) / Double(settings.steps))
      state.improve(settings, rate: rate)
    }
    return results
  }
}
