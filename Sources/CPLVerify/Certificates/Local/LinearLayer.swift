// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// A layer whose Jacobian A does not depend on its input, with entries that are not negative: local
/// certificates carry perturbations forwards and gradients backwards through it.
package protocol LinearLayer<Scalar>: Layer where Cache == NothingKept {
  /// A v for a batch of v.
  func pushed(_ perturbations: Tensor<Scalar>) -> Tensor<Scalar>

  /// How often a chain of operations rounds that makes an element of Aᵀg.
  var transposedRoundings: Int { get }

  /// How many of the outputs, the first ones, are other than 0; nil for all.
  var occupiedOutputs: Int? { get }
}

extension LinearLayer {
  package func pushed(_ perturbations: Tensor<Scalar>) -> Tensor<Scalar> {
    forward(perturbations, keeping: .nothing, workers: .serial).output
  }

  package var occupiedOutputs: Int? { nil }

  /// Aᵀg for a batch of g.
  package func pulled(_ gradients: Tensor<Scalar>) -> Tensor<Scalar> {
    inputGradient(gradients, from: NothingKept(), workers: .serial)
  }

  /// ‖fl(Aᵀg) − Aᵀg‖ ≤ the result for ‖g‖ ≤ `norm`.
  ///
  /// *Proof.* Element by element |fl(Aᵀg) − Aᵀg| ≤ γ_r·Aᵀ|g| + r·η₀-terms, for A has no negative entry,
  /// and ‖Aᵀ|g|‖ ≤ ‖A‖‖g‖.
  package func pulledErrorBound(norm: Double, lipschitz: Double) -> Double {
    let format = BinaryFormat(Scalar.self)
    return Rounding.up.sum(
      Rounding.up.product(
        format.gamma(transposedRoundings), Rounding.up.product(lipschitz, norm)),
      format.underflow(roundings: transposedRoundings, elements: inputShape.reduce(1, *)))
  }
}

/// Its Jacobian is diagonal, a division by the deviations.
extension Normalize: LinearLayer {
  package func pushed(_ perturbations: Tensor<Scalar>) -> Tensor<Scalar> { pulled(perturbations) }
  package var transposedRoundings: Int { 1 }
}

extension PaddingChannels: LinearLayer {
  /// Clones are added up and divided.
  package var transposedRoundings: Int { padding == .zero ? 0 : copies }
  package var occupiedOutputs: Int? { padding == .zero ? image.count : nil }
}

extension NormPool: LinearLayer {
  package var transposedRoundings: Int { 1 }
}

extension Flatten: LinearLayer {
  package var transposedRoundings: Int { 0 }
}
