// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// Corollary 1: convex potentials of four kinds, and skew fields that change with time.
struct NonexpansiveFlowCheck: PropertyCheck {
  let id = "flow.nonexpansive"
  let statement =
    "for F = −∇f + A_t, f convex and A_t skew, ‖Δ_t‖ never grows, and is kept for f = 0"
  let source = "Meunier et al. 2022, Corollary 1"
  let concernsNetwork = false

  private static let dimension = 32
  private static let units = 48
  private static let settings = DistanceHistory.Settings(duration: 2)

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let skew = LinearField.skew(dimension: Self.dimension, scale: 1, random: &random)
    let alone = try histories(of: skew, context, stream: 1)
    var measurements = [
      try growth("f = 0", alone),
      try Measurement(
        "f = 0: ‖Δ_t‖/‖Δ₀‖", worstOf: alone.flatMap { $0.lowerRatios(skew.lowerRate) }, .atLeast,
        1, from: DistanceHistory.toleranceOrigin),
    ]
    var curves = [alone[0].curve("f = 0")]
    for (index, outer) in RidgePotential.Outer.allCases.enumerated() {
      let field = GradientSkewField(
        potential: try .random(
          outer, units: Self.units, dimension: Self.dimension, scale: 0.6, random: &random),
        linear: skew)
      let histories = try histories(of: field, context, stream: 2 + index)
      measurements.append(try growth("f \(outer.rawValue)", histories))
      curves.append(histories[0].curve("f \(outer.rawValue)"))
    }

    var constant = skew.constant
    constant[1, 0] *= 1.001
    let still = LinearRate(constant: 0)
    let leaning = LinearField(
      constant: constant, slope: skew.slope, lowerRate: still, upperRate: still)
    return Findings(
      measurements,
      control: PositiveControl(
        "one entry of A_t, out of \(Self.dimension * (Self.dimension - 1)), 0.1 % off",
        try growth("f = 0", histories(of: leaning, context, stream: 1))),
      figures: [
        CheckFigure(
          "Distances under −∇f + A_t", xLabel: "t", yLabel: "‖Δ_t‖/‖Δ₀‖", curves)
      ])
  }

  /// The largest growth over a step: "never grows" holds between any two times.
  private func growth(_ name: String, _ histories: [DistanceHistory]) throws -> Measurement {
    try Measurement(
      "\(name): ‖Δ_{t+h}‖/‖Δ_t‖ over a step", worstOf: histories.flatMap(\.stepRatios), .atMost, 1,
      from: DistanceHistory.toleranceOrigin)
  }

  private func histories(
    of field: some VectorField, _ context: CheckContext, stream: Int
  ) throws -> [DistanceHistory] {
    try (0..<context.effort.choose(1, 2, 10)).map { pair in
      var random = context.random(for: id, stream, pair)
      return try DistanceHistory(
        field, from: (random.normals(field.dimension), random.normals(field.dimension)),
        Self.settings)
    }
  }
}
