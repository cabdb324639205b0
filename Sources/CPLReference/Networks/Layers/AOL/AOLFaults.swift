// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

enum AOLFaults {
  static let all = [
    PlantedLayerFault(
      "aol-without-magnitudes", "AOL's scaling without absolute values", ["layer.nonexpansive"]
    ) { WithoutMagnitudes() }
  ]

  static let paddings = [
    PlantedLayerFault(
      "torus-for-zeros", "the bound of a circular convolution for one that pads with zeros",
      ["bound.enclosure"]
    ) { BoundOfPadding(.circular, for: .zero, of: AOLConvolutionKind.self) },
    PlantedLayerFault(
      "zeros-for-torus", "the bound of a convolution that pads with zeros for a circular one",
      ["bound.enclosure"]
    ) { BoundOfPadding(.zero, for: .circular, of: AOLConvolutionKind.self) },
  ]
}

/// t_j = |Σ_k (WᵀW)_jk|^(−½): nothing bounds W diag(t) where products of columns cancel.
struct WithoutMagnitudes: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is AOLConvolutionKind || specification.value is AOLLinearKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    guard var layer = layer as? any ScaledInputsLayer<Scalar> else {
      return layer.forward(input, recording: recording, workers: workers)
    }
    let weights = layer.weights
    let (columns, taps) = (weights.shape[1], weights.shape.dropFirst(2).reduce(1, *))
    // Over all shifts Σ_k (WᵀW)_jk is the product of sums over taps.
    var sums = [Double](repeating: 0, count: weights.count / taps)
    for (index, weight) in weights.elements.enumerated() { sums[index / taps] += Double(weight) }
    var factors = [Double](repeating: AOLScaling.regularization, count: columns)
    for row in 0..<sums.count / columns {
      let all = sums[row * columns..<(row + 1) * columns].reduce(0, +)
      for column in 0..<columns { factors[column] += sums[row * columns + column] * all }
    }
    factors = factors.map { 1 / $0.magnitude.squareRoot() }
    layer.execute(
      Tensor(
        shape: weights.shape,
        elements: weights.elements.enumerated().map { index, weight in
          Scalar(Double(weight) * factors[index / taps % columns])
        }), factors: factors)
    return layer.forward(input, recording: recording, workers: workers)
  }
}
