// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// The explicit Euler scheme on a gradient flow: a convex potential layer's step, and its limit.
struct EulerGradientCheck: PropertyCheck {
  let id = "step.euler-gradient"
  let statement =
    "x − h∇f(x) is non-expansive for h ≤ 2/L; on a quadratic it expands by hL − 1 for h > 2/L"
  let source = "Meunier et al. 2022, explicit Euler scheme of a gradient flow"
  let concernsNetwork = false

  private static let dimension = 64
  private static let units = 96
  private static let origin = "the rounding bounds of both steps"
  /// How far beyond 2/L the step of the positive control goes.
  private static let excess = 1e-3

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let pairs = PointPairs.random(
      context.effort.choose(9, 60, 600), dimension: Self.dimension, &random)
    var measurements: [Measurement] = []
    for outer in RidgePotential.Outer.allCases {
      let potential = try RidgePotential.random(
        outer, units: Self.units, dimension: Self.dimension, random: &random)
      let along = PointPairs.along(potential.topDirection, from: pairs[0].x)
      measurements.append(
        try [1, 2].flatMap { multiple in
          let stepSize = Rounding.down.quotient(multiple, potential.smoothnessUpperBound)
          return (pairs + [along]).map { pair in
            Expansion(
              of: { potential.explicitStep($0, stepSize: stepSize) }, pair.x, pair.y)
          }
        }.measurement("f \(outer.rawValue), h ≤ 2/L: ‖Δ₁‖/‖Δ₀‖", from: Self.origin))
    }

    let quadratic = try RidgePotential.random(
      .quadratic, units: Self.units, dimension: Self.dimension, random: &random)
    let top = PointPairs.along(quadratic.topDirection, from: pairs[0].x)
    func expansion(_ excess: Double) -> Expansion {
      // 2/L from below of L, so that h is truly beyond it.
      let lower = quadratic.spectralNorm.lowerBound
      let stepSize = Rounding.up.quotient(2 + 2 * excess, Rounding.down.product(lower, lower))
      return Expansion(
        of: { quadratic.explicitStep($0, stepSize: stepSize) }, top.x, top.y)
    }
    // hL − 1 is 1 + 2η for h = (2 + 2η)/L.
    measurements.append(
      try Measurement(
        "quadratic, h = (2 + 2η)/L, along the top direction: (‖Δ₁‖/‖Δ₀‖ − 1)/2η",
        worstOf: [1e-3, 1e-2, 0.1].map { excess in
          let measured = expansion(excess)
          let tolerance = measured.tolerance + 5 * quadratic.spectralNorm.relativeWidth + 0x1p-50
          return ((measured.ratio - 1) / (2 * excess), tolerance / (2 * excess))
        }, .atLeast, 1, from: Self.origin + ", and the width of the enclosure of ‖W‖"))
    let control = try [expansion(Self.excess / 2)].measurement(
      "quadratic: ‖Δ₁‖/‖Δ₀‖", from: Self.origin)
    return Findings(
      measurements, control: PositiveControl("a step of (2 + 0.001)/L", control),
      figures: [figure(quadratic, top)])
  }

  /// Distances over iterations of steps up to and beyond the limit.
  private func figure(
    _ potential: RidgePotential, _ pair: (x: [Double], y: [Double])
  ) -> CheckFigure {
    CheckFigure(
      "Explicit steps on a quadratic, along the top direction", xLabel: "steps",
      yLabel: "‖Δ‖/‖Δ₀‖",
      [1.9, 2, 2.1].map { multiple in
        .iterating("h = \(multiple)/L", pair, count: 10) {
          potential.explicitStep($0, stepSize: multiple / potential.smoothnessUpperBound).value
        }
      })
  }
}

extension CheckFigure.Curve {
  /// The distance of two points while a map is applied to both, as a share of the first.
  static func iterating(
    _ name: String, _ pair: (x: [Double], y: [Double]), count: Int, _ map: ([Double]) -> [Double]
  ) -> CheckFigure.Curve {
    var (x, y) = pair
    var distances = [EnclosedDistance(x, y).upperBound]
    for _ in 0..<count {
      (x, y) = (map(x), map(y))
      distances.append(EnclosedDistance(x, y).upperBound)
    }
    return CheckFigure.Curve(
      name, x: (0...count).map(Double.init), y: distances.map { $0 / distances[0] })
  }
}
