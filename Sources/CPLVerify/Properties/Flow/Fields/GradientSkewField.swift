// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// F_t(x) = −∇f(x) + A_t x, f convex and A_t linear: Corollary 1's field when A_t is skew.
package struct GradientSkewField: VectorField {
  package let potential: RidgePotential
  /// A_t, with its own claims.
  package let linear: LinearField

  package init(potential: RidgePotential, linear: LinearField) {
    precondition(potential.dimension == linear.dimension, "f and A act on one space")
    self.potential = potential
    self.linear = linear
  }

  package var dimension: Int { potential.dimension }

  package func evaluate(_ x: [Double], time: Double) -> Evaluation {
    let gradient = potential.gradient(x)
    var field = linear.evaluate(x, time: time)
    for index in field.value.indices { field.value[index] -= gradient.value[index] }
    field.errorBound +=
      gradient.errorBound + 2 * Rounding.unitRoundoff * EuclideanNorm.upperBound(field.value)
    return field
  }

  package func lipschitzUpperBound(until time: Double) -> Double {
    Rounding.up.sum(potential.smoothnessUpperBound, linear.lipschitzUpperBound(until: time))
  }

  package var bendWeights: [Double] { potential.bendWeights }

  package func bendArguments(_ x: [Double]) -> Evaluation { potential.bendArguments(x) }

  /// λ_t of A_t, for −∇²f ⪯ 0.
  package var upperRate: LinearRate { linear.upperRate }

  /// μ_t of A_t less L, for −∇²f ⪰ −L I.
  package var lowerRate: LinearRate {
    linear.lowerRate.adding(LinearRate(constant: -potential.smoothnessUpperBound), .down)
  }
}
