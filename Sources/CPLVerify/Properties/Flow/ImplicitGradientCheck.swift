// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// The implicit Euler scheme on a gradient flow: the proximal point.
struct ImplicitGradientCheck: PropertyCheck {
  let id = "step.implicit-gradient"
  let statement =
    "the y with y + h∇f(y) = x (the proximal step) is a non-expansive map of x for every h"
  let source = "Moreau 1965; Meunier et al. 2022, implicit scheme of a gradient flow"
  let concernsNetwork = false

  private static let dimension = 32
  /// Fewer than the dimension: there are directions that no gradient sees, along which the bound is
  /// attained.
  private static let units = 24
  /// hL. Where f has no least point the solution goes as far as h, and the bound of its rounding grows
  /// as h².
  private static let stepSizes = [0.1, 2, 20, 300]
  private static let origin = "the residuals of both solves, which bound their errors, and rounding"

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let pairs = PointPairs.random(
      context.effort.choose(3, 9, 90), dimension: Self.dimension, &random)
    var measurements: [Measurement] = []
    for outer in RidgePotential.Outer.allCases {
      let potential = try RidgePotential.random(
        outer, units: Self.units, dimension: Self.dimension, random: &random)
      let unseen = PointPairs.along(
        potential.unseenPart(of: random.normals(Self.dimension)), from: pairs[0].x)
      measurements.append(
        try Self.stepSizes.flatMap { multiple in
          let stepSize = multiple / potential.smoothnessUpperBound
          return try (pairs + [unseen]).map { pair in
            try Expansion(
              of: { try potential.implicitStep($0, stepSize: stepSize) }, pair.x, pair.y)
          }
        }.measurement("f \(outer.rawValue), hL = 0.1 … 300: ‖Δ₁‖/‖Δ₀‖", from: Self.origin))
    }

    let quadratic = try RidgePotential.random(
      .quadratic, units: Self.units, dimension: Self.dimension, random: &random)
    let top = PointPairs.along(quadratic.topDirection, from: pairs[0].x)
    let explicit = Expansion(
      of: { quadratic.explicitStep($0, stepSize: 2.002 / quadratic.smoothnessUpperBound) },
      top.x, top.y)
    return Findings(
      measurements,
      control: PositiveControl(
        "the explicit step in place of the implicit one, h = 2.002/L",
        try [explicit].measurement(
          "quadratic: ‖Δ₁‖/‖Δ₀‖", from: "the rounding bounds of both steps"))
    )
  }
}

extension RidgePotential {
  /// x less its part in the span of W's rows, x − Wᵀ(WWᵀ)⁻¹Wx, to nearest; x itself where WWᵀ is
  /// singular.
  fileprivate func unseenPart(of x: [Double]) -> [Double] {
    let units = map.weights.shape[0]
    var gram = [Double](repeating: 0, count: units * units)
    BLAS.multiply(
      transposeA: false, transposeB: true, rows: units, columns: units, depth: dimension, alpha: 1,
      map.weights.elements, lda: dimension, map.weights.elements, ldb: dimension, beta: 0, &gram,
      ldc: units)
    let image = map.apply(Tensor(shape: [dimension], elements: x)).elements
    guard let shares = LAPACK.solve(gram, order: units, rightSides: image) else { return x }
    return zip(x, map.applyTransposed(Tensor(shape: [units], elements: shares)).elements).map(-)
  }
}
