// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// Something that is wrong with a kind of layers.
///
/// A fault states what it changes; everything else is the layer's own. It is planted by putting an
/// altered layer in the place of each layer that it concerns, in networks of either precision.
package protocol LayerFault: Sendable {
  /// Whether layers of this kind have the fault.
  func concerns(_ specification: LayerSpecification) -> Bool

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache)

  func inputGradient<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> Tensor<Scalar>

  func backward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>)

  func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar>

  func powerVector<Scalar: TensorScalar>(
    _ layer: any SteppedLayer<Scalar>
  ) -> Tensor<Scalar>

  func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure?

  func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double

  func unitRows<Scalar: TensorScalar>(_ head: any ClassificationHead<Scalar>) -> Tensor<Scalar>?
}

extension LayerFault {
  package func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    layer.forward(input, recording: recording, workers: workers)
  }

  package func inputGradient<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> Tensor<Scalar> {
    layer.inputGradient(outputGradient, cache, workers: workers)
  }

  package func backward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    layer.backwardSums(outputGradient, cache, workers: workers)
  }

  package func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar> { layer.linearMap }

  package func powerVector<Scalar: TensorScalar>(
    _ layer: any SteppedLayer<Scalar>
  ) -> Tensor<Scalar> { layer.powerVector }

  package func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? { try layer.bounded.spectralNorm() }

  package func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { try layer.bounded.lipschitzUpperBound(spectralNorm) }

  package func unitRows<Scalar: TensorScalar>(
    _ head: any ClassificationHead<Scalar>
  ) -> Tensor<Scalar>? { head.unitRows }

  /// The layer with the fault, if it concerns it.
  package func planted<Scalar: TensorScalar>(in layer: any Layer<Scalar>) -> any Layer<Scalar> {
    guard concerns(layer.specification) else { return layer }
    if let layer = layer as? any SteppedLayer<Scalar> { return altered(layer) }
    if let layer = layer as? any ConvexPotentialLayer<Scalar> { return altered(layer) }
    if let layer = layer as? any FeatureLayer<Scalar> { return altered(layer) }
    if let layer = layer as? any ClassificationHead<Scalar> { return altered(layer) }
    preconditionFailure("\(layer.name) is neither a head nor has a tangent")
  }

  private func altered<Base: SteppedLayer>(_ base: Base) -> any Layer<Base.Scalar> {
    AlteredSteppedLayer(base: base, fault: self)
  }

  private func altered<Base: ConvexPotentialLayer>(_ base: Base) -> any Layer<Base.Scalar> {
    AlteredPotentialLayer(base: base, fault: self)
  }

  private func altered<Base: FeatureLayer>(_ base: Base) -> any Layer<Base.Scalar> {
    AlteredFeatureLayer(base: base, fault: self)
  }

  private func altered<Base: ClassificationHead>(_ base: Base) -> any Layer<Base.Scalar> {
    AlteredHead(base: base, fault: self)
  }
}

/// A fault of layers as it is planted, and what has to notice.
public struct PlantedLayerFault: Sendable {
  package let id: String
  /// What is wrong.
  package let statement: String
  /// The checks of which at least one must notice.
  package let namedChecks: [String]
  /// The fault, made for one planting.
  package let make: @Sendable () -> any LayerFault

  package init(
    _ id: String, _ statement: String, _ namedChecks: [String],
    _ make: @escaping @Sendable () -> any LayerFault
  ) {
    self.id = id
    self.statement = statement
    self.namedChecks = namedChecks
    self.make = make
  }
}
