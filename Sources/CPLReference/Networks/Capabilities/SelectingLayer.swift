// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures

/// A 1-Lipschitz layer whose outputs are inputs, chosen and put in order, or zeros: nothing of it rounds.
package protocol SelectingLayer: ParameterFreeLayer, FeatureLayer, LipschitzBoundedLayer,
  ForwardErrorBoundedLayer
{}

extension SelectingLayer {
  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }

  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 0 }
}
