// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// The implicit midpoint rule on a skew field: Cayley's transform.
struct MidpointSkewCheck: PropertyCheck {
  let id = "step.midpoint-skew"
  let statement = "(I − hA/2)⁻¹(I + hA/2) is orthogonal for skew A and every h (Cayley layers)"
  let source = "Meunier et al. 2022, midpoint scheme; Trockman and Kolter, ICLR 2021"
  let concernsNetwork = false

  private static let order = 64
  private static let stepSizes = [0.01, 0.5, 10, 1000]

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let matrices = (0..<context.effort.choose(1, 4, 40)).map { _ in
      SquareMatrix.skew(order: Self.order, scale: 1, random: &random)
    }
    var leaning = matrices[0]
    leaning[1, 0] *= 1.001
    return Findings(
      [try defect(of: matrices)],
      control: PositiveControl(
        "one entry of A, out of \(Self.order * (Self.order - 1)), 0.1 % off",
        try defect(of: [leaning])))
  }

  private func defect(of matrices: [SquareMatrix]) throws -> Measurement {
    try Measurement(
      "‖QᵀQ − I‖_F for h = 0.01 … 1000",
      worstOf: matrices.flatMap { matrix in
        try Self.stepSizes.map {
          try SkewStep.cayley(matrix, stepSize: $0).orthogonalityDefect
        }
      }, .atMost, 0, from: "the residual of the solve, which bounds its error, and rounding")
  }
}
