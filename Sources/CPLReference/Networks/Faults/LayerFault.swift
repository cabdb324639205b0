// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// Something that is wrong with a kind of layers.
///
/// A fault states what it changes; everything else is the layer's own. It is planted by putting an
/// altered layer in the place of each layer that it concerns, in networks of either precision.
public protocol LayerFault: Sendable {
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
  public func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    layer.forward(input, recording: recording, workers: workers)
  }

  public func inputGradient<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> Tensor<Scalar> {
    layer.inputGradient(outputGradient, cache, workers: workers)
  }

  public func backward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    layer.backwardSums(outputGradient, cache, workers: workers)
  }

  public func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar> { layer.linearMap }

  public func powerVector<Scalar: TensorScalar>(
    _ layer: any SteppedLayer<Scalar>
  ) -> Tensor<Scalar> { layer.powerVector }

  public func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? { try layer.bounded.spectralNorm() }

  public func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { try layer.bounded.lipschitzUpperBound(spectralNorm) }

  public func unitRows<Scalar: TensorScalar>(
    _ head: any ClassificationHead<Scalar>
  ) -> Tensor<Scalar>? { head.unitRows }

  /// The layer with the fault, if it concerns it.
  public func planted<Scalar: TensorScalar>(in layer: any Layer<Scalar>) -> any Layer<Scalar> {
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
  public let id: String
  /// What is wrong.
  public let statement: String
  /// The checks of which at least one must notice.
  public let namedChecks: [String]
  /// The fault, made for one planting.
  public let make: @Sendable () -> any LayerFault

  public init(
    _ id: String, _ statement: String, _ namedChecks: [String],
    _ make: @escaping @Sendable () -> any LayerFault
  ) {
    self.id = id
    self.statement = statement
    self.namedChecks = namedChecks
    self.make = make
  }
}
