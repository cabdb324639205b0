// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// Proposition 1, on linear fields whose rates are known exactly and on non-linear ones.
struct ContractionCheck: PropertyCheck {
  let id = "flow.contraction"
  let statement =
    "if μ_t I ⪯ Sym(∂F_t) ⪯ λ_t I, two solutions keep e^{∫μ}‖Δ₀‖ ≤ ‖Δ_t‖ ≤ e^{∫λ}‖Δ₀‖"
  let source = "Meunier et al. 2022, Proposition 1"
  let concernsNetwork = false

  private static let dimension = 32
  private static let units = 48
  private static let settings = DistanceHistory.Settings(duration: 2)
  /// The claim of the positive control falls short of the true λ_t by this share.
  private static let fault = 1e-3

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let uniform = Self.uniform(&random)
    var measurements = try measure("linear, λ_t = μ_t", uniform, context, stream: 1).both
    var figures: [CheckFigure] = []

    // Rates from −1 to 0.5, which the field's skew part mixes and time moves.
    let spread = LinearField.known(
      eigenvalues: (0..<Self.dimension).map { index -> Double in Double(index * 3 - 64) / 64 },
      slope: -0.25, scale: 1, random: &random)
    let linear = try measure("linear", spread, context, stream: 2)
    measurements += linear.both
    figures.append(linear.history.figure("A linear field", spread))

    for (index, outer) in RidgePotential.Outer.allCases.enumerated() {
      let field = GradientSkewField(
        potential: try .random(
          outer, units: Self.units, dimension: Self.dimension, scale: 0.6, random: &random),
        linear: spread)
      let result = try measure(
        "−∇f + linear, f \(outer.rawValue)", field, context, stream: 3 + index)
      measurements += result.both
      if outer == .logSumExp {
        figures.append(result.history.figure("−∇f + linear, f \(outer.rawValue)", field))
      }
    }

    let overclaimed = LinearField(
      constant: uniform.constant, slope: uniform.slope, lowerRate: uniform.lowerRate,
      upperRate: LinearRate(
        constant: uniform.upperRate.constant * (1 - Self.fault),
        slope: uniform.upperRate.slope))
    let control = try measure("linear", overclaimed, context, stream: 1)
    return Findings(
      measurements,
      control: PositiveControl("a claimed λ_t that is 0.1 % too small", control.upper),
      figures: figures)
  }

  /// A field of which both bounds are attained: S = ½I.
  private static func uniform(_ random: inout CounterRandom) -> LinearField {
    .known(
      eigenvalues: Array(repeating: 0.5, count: dimension), slope: -0.125, scale: 1,
      random: &random)
  }

  private struct Result {
    let upper: Measurement
    let lower: Measurement
    /// The first pair's.
    let history: DistanceHistory
    var both: [Measurement] { [upper, lower] }
  }

  private func measure(
    _ name: String, _ field: some VectorField, _ context: CheckContext, stream: Int
  ) throws -> Result {
    let histories = try (0..<context.effort.choose(1, 2, 10)).map { pair in
      var random = context.random(for: id, stream, pair)
      return try DistanceHistory(
        field, from: (random.normals(field.dimension), random.normals(field.dimension)),
        Self.settings)
    }
    return Result(
      upper: try Measurement(
        "\(name): ‖Δ_t‖/e^{∫λ}‖Δ₀‖",
        worstOf: histories.flatMap { $0.upperRatios(field.upperRate) }, .atMost, 1,
        from: DistanceHistory.toleranceOrigin),
      lower: try Measurement(
        "\(name): ‖Δ_t‖/e^{∫μ}‖Δ₀‖",
        worstOf: histories.flatMap { $0.lowerRatios(field.lowerRate) }, .atLeast, 1,
        from: DistanceHistory.toleranceOrigin),
      history: histories[0])
  }
}
