// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

extension ConvolutionKind {
  package static let faults =
    ConvexPotentialFaults.all + [
      PlantedLayerFault(
        "circular-power-method", "the power method with circular instead of zero padding",
        ["power.lower-bound", "parity.pytorch"]
      ) { CircularPowerMethod() },
      PlantedLayerFault(
        "shifted-transpose", "wrong padding in the transposed convolution",
        ["cpl.potential-convex", "parity.pytorch"]
      ) { ShiftedTranspose() },
      PlantedLayerFault(
        "small-torus", "a bound computed on the n-torus", ["bound.enclosure"]
      ) { SmallTorusBound() },
      PlantedLayerFault(
        "potential-zeros-for-torus",
        "the bound of a convolution that pads with zeros for a circular one's potential",
        ["bound.enclosure"]
      ) { BoundOfPadding(.zero, for: .circular, of: ConvolutionKind.self) },
    ]
}

extension LinearKind {
  package static let faults = ConvexPotentialFaults.all
}

/// A transposed convolution whose padding is off by one: its output is one pixel to the right.
struct ShiftedTranspose: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is ConvolutionKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (right, cache) = layer.forward(input, recording: recording, workers: workers)
    var descent = input
    descent.add(right, scale: -1)
    var elements = [0] + descent.elements.dropLast()
    for first in stride(from: 0, to: elements.count, by: layer.inputShape[2]) {
      elements[first] = 0
    }
    var output = input
    output.add(Tensor(shape: input.shape, elements: elements), scale: -1)
    return (output, cache)
  }
}

/// A convolution whose power method pads by wrapping round.
struct CircularPowerMethod: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    (specification.value as? ConvolutionKind)?.padding == .zero
  }

  func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar> {
    BatchConvolution(
      kernel: layer.parameters[0].value, height: layer.inputShape[1], width: layer.inputShape[2],
      wraps: true)
  }
}

/// An upper bound from the torus of the image's own height and width.
struct SmallTorusBound: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    (specification.value as? ConvolutionKind)?.padding == .zero
  }

  func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? {
    guard let right = try layer.bounded.spectralNorm() else { return nil }
    return SpectralNormEnclosure(
      lowerBound: right.lowerBound,
      upperBound: try TorusBound.circularNormUpperBound(
        kernel: layer.parameters[0].value.converted(), torusHeight: layer.inputShape[1],
        torusWidth: layer.inputShape[2]),
      estimate: right.estimate, method: right.method)
  }
}
