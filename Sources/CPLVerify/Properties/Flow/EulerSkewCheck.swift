// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

/// The explicit Euler scheme on a skew field, which keeps no distance: it must be refused.
struct EulerSkewCheck: PropertyCheck {
  let id = "step.euler-skew"
  let statement =
    "x + hAx with skew A expands, by up to √(1 + h²‖A‖²): the test of non-expansiveness refuses it"
  let source = "Meunier et al. 2022, flows of skew fields"
  let concernsNetwork = false

  private static let order = 64
  private static let origin = "the rounding bounds of both steps"
  /// h‖A‖, about.
  private static let sizes = [0.05, 0.2, 1, 5]

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let matrix = SquareMatrix.skew(order: Self.order, scale: 1, random: &random)
    let norm = try matrix.spectralNormEnclosure()
    let pairs = PointPairs.random(
      context.effort.choose(9, 60, 600), dimension: Self.order, &random)
    let top = PointPairs.along(matrix.topDirection, from: pairs[0].x)

    var shares: [(value: Double, tolerance: Double)] = []
    var attained: [(value: Double, tolerance: Double)] = []
    var swapped: [(value: Double, tolerance: Double)] = []
    var isLetPass: [Bool] = []
    for size in Self.sizes {
      let stepSize = size / norm.upperBound
      let step = SkewStep.explicitEuler(matrix, stepSize: stepSize)
      let reach = stepSize * norm.upperBound
      let limit = (1 + reach * reach).squareRoot()
      func share(_ step: EnclosedMatrix, _ pair: (x: [Double], y: [Double])) -> (Double, Double) {
        let expansion = Expansion(of: step.apply, pair.x, pair.y)
        return (expansion.ratio / limit, expansion.tolerance / limit + 0x1p-50)
      }
      shares += pairs.map { share(step, $0) } + [share(step, top)]
      attained.append(share(step, top))
      swapped.append(share(try SkewStep.cayley(matrix, stepSize: stepSize), top))
      let judged = try [Expansion(of: step.apply, top.x, top.y)].measurement(
        "‖Δ₁‖/‖Δ₀‖", from: Self.origin)
      isLetPass.append(judged.verdict != .violated)
    }
    // The verified norm is known to a millionth, and so is what it makes of √(1 + h²‖A‖²).
    let width = norm.relativeWidth
    return Findings(
      [
        try Measurement(
          "‖Δ₁‖/‖Δ₀‖√(1 + h²‖A‖²)", worstOf: shares, .atMost, 1, from: Self.origin),
        try Measurement(
          "the same along the top singular vector",
          worstOf: attained.map { ($0.value, $0.tolerance + width) }, .atLeast, 1,
          from: Self.origin + ", and the width of the enclosure of ‖A‖"),
        Measurement(
          failuresOf: "explicit Euler steps that the test of non-expansiveness lets pass", isLetPass
        ),
      ],
      control: PositiveControl(
        "the implicit midpoint rule in place of the explicit Euler scheme",
        try Measurement(
          "‖Δ₁‖/‖Δ₀‖√(1 + h²‖A‖²) along the top singular vector",
          worstOf: swapped.map { ($0.value, $0.tolerance + width) }, .atLeast, 1,
          from: Self.origin)),
      figures: [try figure(matrix, norm, top)])
  }

  /// Distances over iterations of three schemes.
  private func figure(
    _ matrix: SquareMatrix, _ norm: SpectralNormEnclosure, _ pair: (x: [Double], y: [Double])
  ) throws -> CheckFigure {
    let stepSize = 0.2 / norm.upperBound
    let schemes = [
      ("explicit Euler", SkewStep.explicitEuler(matrix, stepSize: stepSize)),
      ("implicit midpoint", try SkewStep.cayley(matrix, stepSize: stepSize)),
      ("exponential", SkewStep.exponential(ofSkew: stepSize * matrix)),
    ]
    return CheckFigure(
      "Schemes on a skew field, h‖A‖ = 0.2", xLabel: "steps", yLabel: "‖Δ‖/‖Δ₀‖",
      schemes.map { name, step in
        .iterating(name, pair, count: 50) { step.value * $0 }
      })
  }
}
