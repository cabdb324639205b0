import CPLBounds
import CPLCertificates
import CPLReference

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
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>)

  func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar>

  func powerVector<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
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
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    layer.backward(outputGradient, cache, workers: workers)
  }

  package func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar> { layer.linearMap }

  package func powerVector<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
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
  func planted<Scalar: TensorScalar>(in layer: any Layer<Scalar>) -> any Layer<Scalar> {
    guard concerns(layer.specification) else { return layer }
    if layer is any ConvexPotentialLayer<Scalar> {
      return AlteredPotentialLayer(base: layer, fault: self)
    }
    if layer is any ClassificationHead<Scalar> { return AlteredHead(base: layer, fault: self) }
    return AlteredPlainLayer(base: layer, fault: self)
  }
}

/// A layer with a fault.
private protocol AlteredLayer<Scalar>: Layer, LipschitzBoundedLayer
where Cache == ForwardCache {
  var base: any Layer<Scalar> { get set }
  var fault: any LayerFault { get }
}

extension AlteredLayer {
  var name: String { base.name }
  var specification: LayerSpecification { base.specification }
  var inputShape: [Int] { base.inputShape }
  var outputShape: [Int] { base.outputShape }
  var parameters: [(name: String, value: Tensor<Scalar>)] { base.parameters }

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
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    fault.backward(base, outputGradient, cache, workers: workers)
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

extension AlteredLayer where Self: FeatureLayer & ForwardErrorBoundedLayer {
  func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: ForwardCache, workers: Workers
  ) -> Tensor<Scalar> {
    (base as! any FeatureLayer<Scalar>).tangent(inputTangent, cache, workers: workers)
  }

  func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try base.errorBounded.forwardErrorBound(norm: norm, spectralNorm: spectralNorm)
  }
}

private struct AlteredPlainLayer<Scalar: TensorScalar>: AlteredLayer, FeatureLayer,
  ForwardErrorBoundedLayer
{
  var base: any Layer<Scalar>
  let fault: any LayerFault
}

private struct AlteredPotentialLayer<Scalar: TensorScalar>: AlteredLayer, ConvexPotentialLayer,
  FeatureLayer, ForwardErrorBoundedLayer
{
  var base: any Layer<Scalar>
  let fault: any LayerFault

  private var potential: any ConvexPotentialLayer<Scalar> {
    get { base as! any ConvexPotentialLayer<Scalar> }
    set { base = newValue }
  }

  var linearMap: any LinearMap<Scalar> { fault.linearMap(potential) }
  var stepRule: StepRule {
    get { potential.stepRule }
    set { potential.stepRule = newValue }
  }
  var stepSize: Scalar {
    get { potential.stepSize }
    set { potential.stepSize = newValue }
  }
  var stepNumerator: Scalar {
    get { potential.stepNumerator }
    set { potential.stepNumerator = newValue }
  }
  var powerVector: Tensor<Scalar> {
    get { fault.powerVector(potential) }
    set { potential.powerVector = newValue }
  }
}

private struct AlteredHead<Scalar: TensorScalar>: AlteredLayer, ClassificationHead,
  LogitErrorBoundedHead
{
  var base: any Layer<Scalar>
  let fault: any LayerFault

  var unitRows: Tensor<Scalar>? {
    fault.unitRows(base as! any ClassificationHead<Scalar>)
  }

  func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double] {
    try (base as! any LogitErrorBoundedHead).logitErrorBounds(norm: norm)
  }
}
