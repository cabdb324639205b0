// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// A layer with a fault.
protocol AlteredLayer<Scalar>: Layer, LipschitzBoundedLayer where Cache == ForwardCache {
  associatedtype Base: Layer where Base.Scalar == Scalar
  var base: Base { get set }
  var fault: any LayerFault { get }
}

extension AlteredLayer {
  var name: String { base.name }
  var specification: LayerSpecification { base.specification }
  var inputShape: [Int] { base.inputShape }
  var outputShape: [Int] { base.outputShape }
  var parameters: [(name: String, value: Tensor<Scalar>)] { base.parameters }
  var buffers: [(name: String, value: Tensor<Scalar>)] { base.buffers }

  mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    base.updateParameters(body)
  }

  func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    fault.forward(base, input, recording: recording, workers: workers)
  }

  func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: ForwardCache, workers: Workers
  ) -> Tensor<Scalar> {
    fault.inputGradient(base, outputGradient, cache, workers: workers)
  }

  func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: ForwardCache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    fault.backward(base, outputGradient, cache, workers: workers)
  }

  func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    base.parameterGradient(sums)
  }

  func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    fault.planted(in: base.converted(to: type))
  }

  func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try fault.spectralNorm(base)
  }

  func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try fault.lipschitzUpperBound(base, spectralNorm)
  }
}

extension AlteredLayer where Self: FeatureLayer & ForwardErrorBoundedLayer, Base: FeatureLayer {
  func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: ForwardCache, workers: Workers
  ) -> Tensor<Scalar> {
    base.tangent(inputTangent, cache, workers: workers)
  }

  func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try base.errorBounded.forwardErrorBound(norm: norm, spectralNorm: spectralNorm)
  }
}

struct AlteredFeatureLayer<Base: FeatureLayer>: AlteredLayer, FeatureLayer, ForwardErrorBoundedLayer
{
  typealias Scalar = Base.Scalar
  var base: Base
  let fault: any LayerFault
}

struct AlteredPotentialLayer<Base: ConvexPotentialLayer>: AlteredLayer, ConvexPotentialLayer,
  ForwardErrorBoundedLayer
{
  typealias Scalar = Base.Scalar
  var base: Base
  let fault: any LayerFault

  var linearMap: any LinearMap<Scalar> { fault.linearMap(base) }
  var bias: Tensor<Scalar> { base.bias }
  var stepSize: Scalar {
    get { base.stepSize }
    set { base.stepSize = newValue }
  }
}

extension AlteredPotentialLayer: DerivedWeightsLayer where Base: DerivedWeightsLayer {
  mutating func deriveWeights(densePowerGradient: Bool) -> GradientThroughDerivation<Scalar> {
    base.deriveWeights(densePowerGradient: densePowerGradient)
  }
}

struct AlteredSteppedLayer<Base: SteppedLayer>: AlteredLayer, SteppedLayer, ForwardErrorBoundedLayer
{
  typealias Scalar = Base.Scalar
  var base: Base
  let fault: any LayerFault

  static var hasPowerGradientQuirk: Bool { Base.hasPowerGradientQuirk }
  var buffers: [(name: String, value: Tensor<Scalar>)] { base.buffers }
  var linearMap: any LinearMap<Scalar> { fault.linearMap(base) }
  var bias: Tensor<Scalar> { base.bias }
  var stepRule: StepRule {
    get { base.stepRule }
    set { base.stepRule = newValue }
  }
  var stepSize: Scalar {
    get { base.stepSize }
    set { base.stepSize = newValue }
  }
  var stepNumerator: Scalar {
    get { base.stepNumerator }
    set { base.stepNumerator = newValue }
  }
  var stepRegularization: Double {
    get { base.stepRegularization }
    set { base.stepRegularization = newValue }
  }
  var powerVector: Tensor<Scalar> {
    get { fault.powerVector(base) }
    set { base.powerVector = newValue }
  }
}

struct AlteredHead<Base: ClassificationHead>: AlteredLayer, ClassificationHead,
  LogitErrorBoundedHead
{
  typealias Scalar = Base.Scalar
  var base: Base
  let fault: any LayerFault

  var unitRows: Tensor<Scalar>? { fault.unitRows(base) }

  func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double] {
    try base.logitErrorBounded.logitErrorBounds(norm: norm)
  }
}
