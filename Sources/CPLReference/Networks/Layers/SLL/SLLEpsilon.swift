// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// t as the first release of the dense layer made it, t_i = 1/Σ_j |WWᵀ|_ij |q_j|/(|q_i| + 1e-6): the two
/// factors of a row are not each other's inverse, so that nothing bounds T^½W where q is small, here 1e-7
/// times what was trained.
struct SLLEpsilon: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is SLLLinearKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    guard var layer = layer as? any DerivedPotentialLayer<Scalar> else {
      return layer.forward(input, recording: recording, workers: workers)
    }
    layer.scaleUnits(
      by: layer.logarithms.elements.map { logarithm in
        let q = 1e-7 * exp(Double(logarithm))
        return ((q + 1e-6) / q).squareRoot()
      })
    return layer.forward(input, recording: recording, workers: workers)
  }
}
