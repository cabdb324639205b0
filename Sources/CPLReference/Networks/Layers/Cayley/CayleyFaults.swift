// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

enum CayleyFaults {
  static let all = [
    PlantedLayerFault(
      "cayley-undoubled", "V(I + A)⁻¹ instead of 2V(I + A)⁻¹ in Cayley's transform",
      ["layer.orthogonal"]
    ) { UndoubledTransform() }
  ]
}

/// Cayley's transform with V(I + A)⁻¹ in the place of 2V(I + A)⁻¹: a layer that moves nothing apart, but together.
struct UndoubledTransform: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    guard specification.value is CayleyLinearKind || specification.value is CayleyConvolutionKind,
      let shape = specification.parameterShapes.first?.shape
    else { return false }
    return shape[0] != shape[1]
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    guard var cayley = layer as? any OrthogonalLayer<Scalar> else {
      return layer.forward(input, recording: recording, workers: workers)
    }
    let shape = layer.parameters[0].value.shape
    let (outputs, inputs) = (shape[0], shape[1])
    let square = min(outputs, inputs)
    // Of each frequency, real and imaginary part, what is below a square, or beside it.
    let matrices = cayley.executed
    cayley.executed = Tensor(
      shape: matrices.shape,
      elements: matrices.elements.enumerated().map { index, value in
        max(index / inputs % outputs, index % inputs) < square ? value : value / 2
      })
    return cayley.forward(input, recording: recording, workers: workers)
  }
}
