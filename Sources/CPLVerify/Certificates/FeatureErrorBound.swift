// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// What is proved of the features that a network computes for the inputs of the box [0, 1]^d.
///
/// φ is the real map to the features with the constants that are executed, φ̃ the executed one. Both
/// are followed layer by layer, with L_k the Lipschitz constant of the layers so far (rounded up):
///
///     e_{k+1} = Lip·e_k + local,   local the layer's own rounding at inputs of norm X̂_k
///     X̂_k = ‖φ̃_k(c)‖ + L_k·½√d + 2e_k ≥ ‖φ̃_k(x)‖
///
/// *Norms.* c is the centre of the box, no point of which is farther from it than ½√d, so that
/// ‖φ_k(x)‖ ≤ ‖φ_k(c)‖ + L_k·½√d; computed and exact values differ by e_k at most, at x and at c.
/// One forward pass of a single image thus bounds all activations.
package struct FeatureErrorBound: Sendable {
  /// e: ‖φ̃(x) − φ(x)‖₂ ≤ e for every input x of the box.
  package let error: Double
  /// X̂: ‖φ̃(x)‖₂ ≤ X̂ for every input x of the box.
  package let norm: Double
  /// L̄: φ's Lipschitz constant is at most L̄.
  package let lipschitz: Double
  /// The same of the map to each layer's input: of the layers before it.
  package let inputs: [(error: Double, norm: Double, lipschitz: Double)]

  /// The bounds of a network's layers before its head.
  ///
  /// - Parameter spectralNorms: for each of these layers the enclosure of ‖W‖₂, where it has a W.
  /// - Throws: `VerificationError` for a layer without bounds, and when an evaluation might overflow.
  /// - Complexity: one forward pass of one image, and what the layers' bounds take.
  package init<Scalar: TensorScalar>(
    _ network: CPLNetwork<Scalar>, spectralNorms: [SpectralNormEnclosure?]
  ) throws(VerificationError) {
    let body = network.layers.dropLast()
    precondition(body.count == spectralNorms.count, "an enclosure for each layer with weights")
    let up = Rounding.up
    let diameter = network.boxDiameterUpperBound
    var centre = Tensor<Scalar>(repeating: 0.5, shape: [1] + network.inputShape)
    var (error, norm, lipschitz) = (0.0, diameter, 1.0)
    var inputs: [(error: Double, norm: Double, lipschitz: Double)] = []
    for (layer, spectralNorm) in zip(body, spectralNorms) {
      inputs.append((error, norm, lipschitz))
      let constant = try layer.bounded.lipschitzUpperBound(spectralNorm)
      let local = try layer.errorBounded.forwardErrorBound(norm: norm, spectralNorm: spectralNorm)
      error = up.sum(up.product(constant, error), local)
      lipschitz = try LipschitzBound.composition([lipschitz, constant])
      centre = layer.forward(centre, recording: .nothing, workers: .serial).output
      norm = up.sum(
        up.sum(centre.normUpperBound, up.product(lipschitz, diameter / 2)), 2 * error)
      try BinaryFormat(Scalar.self).require(norm, "outputs of \(layer.name)")
    }
    (self.error, self.norm, self.lipschitz, self.inputs) = (error, norm, lipschitz, inputs)
  }
}
