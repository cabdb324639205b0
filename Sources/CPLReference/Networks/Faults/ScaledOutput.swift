// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The forward pass multiplied by a number.
struct ScaledOutput: LayerFault {
  let factor: Double
  let kind: @Sendable (LayerSpecification) -> Bool

  func concerns(_ specification: LayerSpecification) -> Bool { kind(specification) }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    output.scale(by: Scalar(factor))
    return (output, cache)
  }
}
