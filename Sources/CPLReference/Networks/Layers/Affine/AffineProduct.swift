// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// The linear map P of an affine layer x ↦ P x + b, of batches, with all that is known of it.
package protocol AffineProduct<Scalar>: Sendable {
  associatedtype Scalar: TensorScalar

  /// The weights that are executed: outputs×inputs, outputs×inputs×k×k, or a transfer function.
  var weights: Tensor<Scalar> { get set }
  /// The shape of one input.
  var inputShape: [Int] { get }
  /// The shape of one output.
  var outputShape: [Int] { get }

  /// fl(fl(P x) + b) for each x of a batch, b one number an output, or a channel of outputs; fl(P x) without b.
  func applied(to batch: Tensor<Scalar>, adding bias: Tensor<Scalar>?, workers: Workers) -> Tensor<
    Scalar
  >

  /// Pᵀg for each g of a batch.
  func appliedTransposed(to batch: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar>

  /// The gradients of Σ ⟨g, P x + b⟩ with respect to P's weights and b, summed in the order of `BatchTree`.
  func gradients(
    inputs: Tensor<Scalar>, outputs: Tensor<Scalar>, workers: Workers
  ) -> (weights: Tensor<Scalar>, bias: Tensor<Scalar>)

  /// The same, and Pᵀg for each g of a batch.
  func backward(
    inputs: Tensor<Scalar>, outputs: Tensor<Scalar>, workers: Workers
  ) -> (inputs: Tensor<Scalar>, weights: Tensor<Scalar>, bias: Tensor<Scalar>)

  /// The enclosure of ‖P‖₂.
  func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure

  /// How P x is computed.
  ///
  /// - Parameter spectralNormUpperBound: σ̄ ≥ ‖P‖₂.
  func sums(spectralNormUpperBound: Double) throws(VerificationError) -> any RoundedProduct

  /// ‖b‖₂ ≤ the result, b as it is added to all outputs.
  func biasNormUpperBound(_ bias: Tensor<Scalar>) -> Double
}

extension AffineProduct {
  package func backward(
    inputs: Tensor<Scalar>, outputs: Tensor<Scalar>, workers: Workers
  ) -> (inputs: Tensor<Scalar>, weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let gradients = gradients(inputs: inputs, outputs: outputs, workers: workers)
    return (
      appliedTransposed(to: outputs, workers: workers), gradients.weights, gradients.bias
    )
  }

  /// What rounding makes of P x + b for inputs of norm at most `norm`.
  func forwardErrorBound(
    norm: Double, bias: Tensor<Scalar>, spectralNormUpperBound: Double
  ) throws(VerificationError) -> Double {
    try ForwardErrorBound.affineLayer(
      norm: norm, spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: biasNormUpperBound(bias),
      product: try sums(spectralNormUpperBound: spectralNormUpperBound),
      in: BinaryFormat(Scalar.self))
  }
}
