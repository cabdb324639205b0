// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A Lipschitz constant that is claimed and not the layer's.
struct ClaimedConstant: LayerFault {
  let kind: @Sendable (LayerSpecification) -> Bool
  let claim: @Sendable (Double) -> Double

  func concerns(_ specification: LayerSpecification) -> Bool { kind(specification) }

  func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    claim(try layer.bounded.lipschitzUpperBound(spectralNorm))
  }
}
