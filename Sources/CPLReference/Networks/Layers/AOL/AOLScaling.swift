// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The scaling of an almost orthogonal layer (Prach and Lampert, ECCV 2022, theorems 1 and 2), in binary64:
///
///     t_j = (Σ_k |WᵀW|_jk + ε)^(−½)
///
/// ε = 1e-6 as published, one number an input, or a channel of inputs; the sum of a convolution is over all shifts of
/// one kernel against another too. By Gershgorin's theorem diag(t) WᵀW diag(t) ⪯ I for every W, whether zeros or
/// opposite edges lie beyond an image: on a torus the products of shifts that meet add up, to no more than their
/// magnitudes do. It is SLL's scaling of Wᵀ with q = 1, its root for t.
struct AOLScaling: Sendable {
  /// What published layers add under the root.
  static let regularization = 1e-6

  /// t; 0 where all weights of an input are 0.
  let factors: [Double]
  private let scaling: SLLScaling
  private let shape: [Int]

  /// - Parameter weights: W, outputs×inputs or outputs×inputs×k×k.
  init(weights: Tensor<Double>, regularization: Double = Self.regularization) {
    shape = weights.shape
    scaling = SLLScaling(
      weights: weights.reshaped(shape.count == 4 ? shape : shape + [1, 1]), ofColumns: true,
      logarithms: nil, regularization: regularization)
    factors = scaling.roots
  }

  /// The gradient with respect to the weights, given the one with respect to t, by products in its format.
  func gradient<Scalar: TensorScalar>(of factorGradient: [Scalar]) -> Tensor<Scalar> {
    scaling.gradients(of: factorGradient).weights.reshaped(shape)
  }
}
