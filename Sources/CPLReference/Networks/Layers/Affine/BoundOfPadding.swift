// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics

/// The bound of the convolution with the same kernel and another padding, in layers of a kind.
struct BoundOfPadding<Kind: PaddedKind>: LayerFault {
  private let claimed: ConvolutionPadding
  private let executed: ConvolutionPadding

  init(_ claimed: ConvolutionPadding, for executed: ConvolutionPadding, of kind: Kind.Type) {
    (self.claimed, self.executed) = (claimed, executed)
  }

  func concerns(_ specification: LayerSpecification) -> Bool {
    (specification.value as? Kind)?.padding == executed
  }

  func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? {
    let shape = layer.inputShape
    return try ConvolutionProduct(
      kernel: (layer as? AOLLayer<ConvolutionProduct<Scalar>>)?.product.weights
        ?? layer.parameters[0].value,
      padding: claimed,
      image: ImageShape(channels: shape[0], height: shape[1], width: shape[2])
    ).spectralNorm()
  }
}
