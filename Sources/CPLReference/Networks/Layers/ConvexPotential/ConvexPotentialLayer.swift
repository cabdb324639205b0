// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A convex potential layer (Meunier et al. 2022, equation 8 and Algorithm 1):
///
///     z = x − h · Wᵀ σ(W x + b),   σ = ReLU
///
/// an explicit Euler step of length h down the gradient of the convex potential
/// Σ_i s_i(w_iᵀx + b_i), s_i' = σ. It never moves two points apart when h · ‖W‖₂² ≤ 2.
package protocol ConvexPotentialLayer<Scalar>: FeatureLayer {
  /// W as a linear map, with the weights that are executed.
  var linearMap: any LinearMap<Scalar> { get }

  /// b as it is executed: one number a hidden unit, or a hidden channel.
  var bias: Tensor<Scalar> { get }

  /// h, the number that the forward pass multiplies by.
  var stepSize: Scalar { get set }
}

/// A convex potential layer whose step is made of its weights' spectral norm: h = c/(‖W‖₂² + 1e-4).
package protocol SteppedLayer<Scalar>: ConvexPotentialLayer, DerivedWeightsLayer {
  /// Where h comes from.
  var stepRule: StepRule { get set }

  /// c in h = c/(σ² + 1e-4), from which the step is made again: 2 in the paper. The layer is
  /// non-expansive for c ≤ 2 only.
  var stepNumerator: Scalar { get set }

  /// ε in h = c/(σ² + ε): 1e-4 in the paper.
  var stepRegularization: Double { get set }

  /// u, the power method's persistent estimate of W's first right singular vector, of unit length.
  var powerVector: Tensor<Scalar> { get set }

  /// Whether the published code puts the new u in the place of the old one when it differentiates σ̂ of
  /// such layers: the quirk `dense-power-gradient`.
  static var hasPowerGradientQuirk: Bool { get }
}

extension SteppedLayer {
  package static var hasPowerGradientQuirk: Bool { false }

  package var buffers: [(name: String, value: Tensor<Scalar>)] { [("u", powerVector)] }

  /// Runs the power method from u, and sets u and h = c/(σ̂² + 1e-4).
  package mutating func updateStep(iterations: Int) -> PowerMethod<Scalar> {
    let power = PowerMethod(linearMap, from: powerVector, iterations: iterations)
    powerVector = power.vector
    stepSize = StepSize.fromEstimate(
      power.estimate, numerator: stepNumerator, regularization: stepRegularization)
    stepRule = .power
    return power
  }

  /// One iteration of the power method, which moves u and h. h then depends on the weights through σ̂, and
  /// the gradient follows it there.
  package mutating func deriveWeights(
    densePowerGradient: Bool
  ) -> GradientThroughDerivation<Scalar> {
    let power = updateStep(iterations: 1)
    let (map, step, numerator) = (linearMap, stepSize, stepNumerator)
    let newVectorThroughV = densePowerGradient && Self.hasPowerGradientQuirk
    return { gradient, workers in
      // ∂h/∂σ̂ for h = c/(σ̂² + 1e-4).
      let factor = -(2 / numerator) * step * step * power.estimate * gradient.derived[0]
      power.addGradient(
        map, newVectorThroughV: newVectorThroughV, scale: factor, to: &gradient.parameters[0],
        workers: workers)
    }
  }
}
