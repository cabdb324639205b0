// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension NormalizeKind {
  package static let faults = [
    PlantedLayerFault(
      "deviation-forgotten", "std forgotten in L̄", ["network.lipschitz", "layer.constants"]
    ) { ClaimedConstant(kind: { $0.value is NormalizeKind }, claim: { _ in 1 }) },
    PlantedLayerFault(
      "zero-gradient", "an attack whose gradient is zero", ["attack.strength"]
    ) { ZeroGradient() },
  ]
}

/// A network whose gradient with respect to its images is zero, as attacks see it.
struct ZeroGradient: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is NormalizeKind
  }

  func inputGradient<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> Tensor<Scalar> {
    Tensor(shape: outputGradient.shape)
  }
}
