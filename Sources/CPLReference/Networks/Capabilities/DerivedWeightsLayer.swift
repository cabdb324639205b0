// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A layer some of whose executed numbers are derived from its parameters, once a training step: a convex
/// potential layer's h, by the power method, for one.
///
/// What is executed, and bounded, are the derived numbers as they were rounded.
public protocol DerivedWeightsLayer<Scalar>: Layer {
  /// Derives the numbers of a training step from the parameters as they are.
  ///
  /// - Parameter densePowerGradient: the quirk of that name.
  /// - Returns: what follows a gradient through the derivation.
  mutating func deriveWeights(densePowerGradient: Bool) -> GradientThroughDerivation<Scalar>
}

/// Adds to a layer's gradient with respect to its parameters what reaches them by way of the derived
/// numbers: `LayerGradient.derived`, summed over the batch.
public typealias GradientThroughDerivation<Scalar: TensorScalar> =
  @Sendable (inout LayerGradient<Scalar>, Workers) -> Void
