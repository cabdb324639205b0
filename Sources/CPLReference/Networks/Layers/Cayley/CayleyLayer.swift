// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// An orthogonal layer (Trockman and Kolter, ICLR 2021): Q x + b with Cayley's transform Q of the weights W, a matrix or
/// the transfer function of a circular convolution (`CayleySpectrum`).
///
/// It keeps distances, but for the rounding of Q; with fewer outputs than inputs, those of inputs in the span of Q's
/// rows. What is executed, and bounded, is Q as it was rounded. The Lipschitz constant is ‖Q‖.
package struct CayleyLayer<Product: AffineProduct>: FeatureLayer {
  package typealias Scalar = Product.Scalar
  /// The input, for the gradients of the parameters.
  package typealias Cache = Tensor<Product.Scalar>?

  package let name: String
  package let specification: LayerSpecification
  /// W as it is trained, outputs×inputs or outputs×inputs×k×k.
  private var weights: Tensor<Scalar>
  /// b.
  package private(set) var bias: Tensor<Scalar>
  /// α, where W is normalised.
  private var alpha: Tensor<Scalar>?
  private let spectrum: CayleySpectrum
  /// What Q is made of.
  private var derived: CayleySpectrum.Derived
  /// Q.
  package private(set) var product: Product

  /// - Parameters:
  ///   - parameters: W, b, and α where W is normalised.
  ///   - product: a map whose weights are replaced.
  init(
    name: String, _ specification: LayerSpecification, parameters: [Tensor<Scalar>],
    _ spectrum: CayleySpectrum, _ product: Product
  ) {
    self.name = name
    self.specification = specification
    (weights, bias) = (parameters[0], parameters[1])
    alpha = parameters.count > 2 ? parameters[2] : nil
    self.spectrum = spectrum
    self.product = product
    derived = Self.derived(weights, alpha, spectrum, .serial)
    execute(.serial)
  }

  package var inputShape: [Int] { product.inputShape }
  package var outputShape: [Int] { product.outputShape }
  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    let others = alpha.map { [(name: "alpha", value: $0)] } ?? []
    return [("weights", weights), ("bias", bias)] + others
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    updateParameters(workers: .serial, body)
  }

  package mutating func updateParameters(
    workers: Workers, _ body: (Int, inout Tensor<Scalar>) -> Void
  ) {
    body(0, &weights)
    body(1, &bias)
    if alpha != nil { body(2, &alpha!) }
    derived = Self.derived(weights, alpha, spectrum, workers)
    execute(workers)
  }

  private static func derived(
    _ weights: Tensor<Scalar>, _ alpha: Tensor<Scalar>?, _ spectrum: CayleySpectrum,
    _ workers: Workers
  ) -> CayleySpectrum.Derived {
    spectrum.derived(
      from: weights.converted(), alpha: alpha.map { Double($0.elements[0]) }, workers: workers)
  }

  /// Executes Q.
  private mutating func execute(_ workers: Workers) {
    let orthogonal: Tensor<Scalar> = spectrum.orthogonal(derived, workers: workers)
    product.weights = orthogonal.reshaped(product.weights.shape)
  }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let output = product.applied(to: input, adding: bias, workers: workers)
    return (output, recording == .everything ? input : nil)
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    product.applied(to: inputTangent, adding: nil, workers: workers)
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    product.appliedTransposed(to: outputGradient, workers: workers)
  }

  /// With respect to Q and b.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let gradients = product.backward(inputs: cache!, outputs: outputGradient, workers: workers)
    return (gradients.inputs, LayerGradient(parameters: [gradients.weights, gradients.bias]))
  }

  /// All of Q is derived.
  package func parameterGradient(
    _ sums: consuming LayerGradient<Scalar>
  ) -> LayerGradient<Scalar> {
    var parameters = [Tensor<Scalar>(shape: weights.shape), sums.parameters[1]]
    if let alpha { parameters.append(Tensor(shape: alpha.shape)) }
    return LayerGradient(parameters: parameters, derived: sums.parameters[0].elements)
  }

  /// In a wider format the numbers that are executed stay; in a narrower one they are derived again.
  package func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    let layer = specification.value.makeLayer(
      name: name, parameters: parameters.map { $0.value.converted(to: type) }, buffers: [])
    guard Other.significandBitCount >= Scalar.significandBitCount,
      var wider = layer as? any OrthogonalLayer<Other>
    else { return layer }
    wider.executed = product.weights.converted()
    return wider
  }
}

extension CayleyLayer: DerivedWeightsLayer {
  /// Q is at hand; the gradient goes through Cayley's transform of each frequency.
  package mutating func deriveWeights(
    densePowerGradient: Bool
  ) -> GradientThroughDerivation<Scalar> {
    let (spectrum, derived, shape) = (spectrum, derived, weights.shape)
    let isNormalised = alpha != nil
    return { gradient, workers in
      let through = spectrum.gradient(
        of: gradient.derived, shape: shape, derived, workers: workers)
      gradient.parameters[0].add(through.weights.converted(), scale: 1)
      if isNormalised { gradient.parameters[2].elements[0] += Scalar(through.alpha) }
    }
  }
}

/// An orthogonal layer whatever its map.
protocol OrthogonalLayer<Scalar>: FeatureLayer {
  /// Q as it is executed.
  var executed: Tensor<Scalar> { get set }
}

extension CayleyLayer: OrthogonalLayer {
  var executed: Tensor<Scalar> {
    get { product.weights }
    set { product.weights = newValue }
  }
}

extension CayleyLayer: LipschitzBoundedLayer {
  /// Of Q as it is executed: 1 up to its rounding.
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try product.spectralNorm()
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { spectralNorm?.upperBound ?? .infinity }
}

extension CayleyLayer: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try product.forwardErrorBound(
      norm: norm, bias: bias, spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}
