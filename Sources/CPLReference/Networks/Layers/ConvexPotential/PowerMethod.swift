// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The power method of Algorithm 1 (Meunier et al. 2022) for the spectral norm of a linear map W:
///
///     v ← W u / (‖W u‖ + 1e-12),   u ← Wᵀ v / (‖Wᵀ v‖ + 1e-12),   σ̂ = ⟨W u, v⟩
///
/// σ̂ never exceeds ‖W‖₂ in exact arithmetic: it is an estimate from below, used to train and never
/// to certify.
package struct PowerMethod<Scalar: TensorScalar>: Sendable {
  /// The u that the last iteration began with.
  package let previousVector: Tensor<Scalar>
  /// u after the last iteration.
  package let vector: Tensor<Scalar>
  /// v of the last iteration.
  package let outputVector: Tensor<Scalar>
  /// W u with the new u.
  package let image: Tensor<Scalar>
  /// ‖W u‖ with the old u.
  package let previousNorm: Scalar
  /// σ̂.
  package let estimate: Scalar

  /// Keeps quotients finite where W u = 0.
  static var tiny: Scalar { 1e-12 }

  /// Runs `iterations` ≥ 1 iterations from `start`.
  package init(_ map: any LinearMap<Scalar>, from start: Tensor<Scalar>, iterations: Int) {
    precondition(iterations > 0, "at least one iteration")
    var previous = start
    var current = start
    var output = start
    var norm: Scalar = 0
    for _ in 0..<iterations {
      previous = current
      output = map.apply(previous)
      norm = output.norm
      output.scale(by: 1 / (norm + Self.tiny))
      current = map.applyTransposed(output)
      current.scale(by: 1 / (current.norm + Self.tiny))
    }
    previousVector = previous
    vector = current
    outputVector = output
    previousNorm = norm
    image = map.apply(current)
    estimate = image.dot(output)
  }

  /// Adds the gradient of σ̂ with respect to W's weights: through the last product W u, and through v as
  /// a function of W; the new u is a constant. With q = W u (new u) and n = ‖W u_old‖,
  ///
  ///     ∂σ̂ = v uᵀ + (q/(n + 1e-12) − v ⟨v, q⟩/n) u_oldᵀ
  ///
  /// - Parameters:
  ///   - newVectorThroughV: the quirk `dense-power-gradient`, which puts the new u in place of
  ///     u_old.
  ///   - scale: what ∂σ̂ is multiplied by before it is added.
  package func addGradient(
    _ map: any LinearMap<Scalar>, newVectorThroughV: Bool, scale: Scalar,
    to gradient: inout Tensor<Scalar>, workers: Workers
  ) {
    var pairs = [(input: vector, output: outputVector)]
    if previousNorm > 0 {
      var towards = image
      towards.scale(by: 1 / (previousNorm + Self.tiny))
      towards.add(outputVector, scale: -outputVector.dot(image) / previousNorm)
      pairs.append((newVectorThroughV ? vector : previousVector, towards))
    }
    map.addWeightGradients(pairs, scale: scale, to: &gradient, workers: workers)
  }
}
