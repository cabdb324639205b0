// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// An almost orthogonal Lipschitz layer (AOL; Prach and Lampert, ECCV 2022), which is 1-Lipschitz for all weights:
///
///     y = P x + b,   P = W diag(t)
///
/// with `AOLScaling`'s t. What is executed, and bounded, is P as it was rounded. t is made smaller by four units in the
/// last place, so that roundings do not make ‖P‖ larger than 1. The Lipschitz constant is ‖P‖.
package struct AOLLayer<Product: AffineProduct>: FeatureLayer {
  package typealias Scalar = Product.Scalar
  /// The input, for the gradient of the weights.
  package typealias Cache = Tensor<Product.Scalar>?

  package let name: String
  package let specification: LayerSpecification
  /// W as it is trained, outputs×inputs or outputs×inputs×k×k.
  package private(set) var weights: Tensor<Scalar>
  /// b.
  package private(set) var bias: Tensor<Scalar>
  /// P.
  package private(set) var product: Product
  /// ε in t.
  private let regularization: Double
  /// t as it is executed.
  private var factors: [Double] = []
  /// What they were made of the weights with; nil where they are given.
  private var scaling: AOLScaling?

  /// - Parameter product: a map with weights of the same shape, which are replaced.
  init(
    name: String, _ specification: LayerSpecification, bias: Tensor<Scalar>, _ product: Product,
    regularization: Double = AOLScaling.regularization
  ) {
    self.name = name
    self.specification = specification
    weights = product.weights
    self.bias = bias
    self.product = product
    self.regularization = regularization
    derive()
  }

  package var inputShape: [Int] { product.inputShape }
  package var outputShape: [Int] { product.outputShape }
  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("weights", weights), ("bias", bias)]
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &weights)
    body(1, &bias)
    derive()
  }

  /// Makes P of W.
  private mutating func derive() {
    let scaling = AOLScaling(weights: weights.converted(), regularization: regularization)
    self.scaling = scaling
    factors = scaling.factors.map { $0 * (1 - 2 * Double(Scalar.ulpOfOne)) }
    product.weights = weights.columnsScaled(by: factors)
  }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let output = product.applied(to: input, adding: bias, workers: workers)
    return (output, recording == .everything ? input : nil)
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    product.appliedTransposed(to: outputGradient, workers: workers)
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    product.applied(to: inputTangent, adding: nil, workers: workers)
  }

  /// With respect to P and b.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let gradients = product.backward(
      inputs: cache!, outputs: outputGradient, workers: workers)
    return (gradients.inputs, LayerGradient(parameters: [gradients.weights, gradients.bias]))
  }

  /// With g′ the gradient with respect to P: ∂/∂W = g′ diag(t), t held constant, and ∂/∂t_j = Σ_i g′_ij W_ij.
  package func parameterGradient(
    _ sums: consuming LayerGradient<Scalar>
  ) -> LayerGradient<Scalar> {
    let gradient = sums.parameters[0]
    return LayerGradient(
      parameters: [gradient.columnsScaled(by: factors), sums.parameters[1]],
      derived: gradient.columnDots(with: weights).map { Scalar($0) })
  }

  /// In a wider format the numbers that are executed stay; in a narrower one they are derived again.
  package func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    let layer = specification.value.makeLayer(
      name: name, parameters: parameters.map { $0.value.converted(to: type) }, buffers: [])
    guard Other.significandBitCount >= Scalar.significandBitCount,
      var wider = layer as? any ScaledInputsLayer<Other>
    else { return layer }
    wider.execute(product.weights.converted(), factors: factors)
    return wider
  }
}

extension AOLLayer: DerivedWeightsLayer {
  /// The gradient reaches W by way of t too.
  package mutating func deriveWeights(
    densePowerGradient: Bool
  ) -> GradientThroughDerivation<Scalar> {
    let scaling =
      scaling ?? AOLScaling(weights: weights.converted(), regularization: regularization)
    return { gradient, _ in
      gradient.parameters[0].add(scaling.gradient(of: gradient.derived), scale: 1)
    }
  }
}

/// An AOL layer whatever its map.
protocol ScaledInputsLayer<Scalar>: FeatureLayer {
  /// W.
  var weights: Tensor<Scalar> { get }

  /// Executes P as given.
  mutating func execute(_ weights: Tensor<Scalar>, factors: [Double])
}

extension AOLLayer: ScaledInputsLayer {
  mutating func execute(_ weights: Tensor<Scalar>, factors: [Double]) {
    product.weights = weights
    (self.factors, scaling) = (factors, nil)
  }
}

extension AOLLayer: LipschitzBoundedLayer {
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try product.spectralNorm()
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { spectralNorm?.upperBound ?? .infinity }
}

extension AOLLayer: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try product.forwardErrorBound(
      norm: norm, bias: bias, spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension Tensor {
  private var taps: Int { shape.dropFirst(2).reduce(1, *) }

  /// The columns of outputs×inputs×…, each times a number; each element is rounded once.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  fileprivate func columnsScaled(by factors: [Double]) -> Tensor {
    let factors = factors.flatMap { Array(repeating: $0, count: taps) }
    return Tensor(shape: shape) { scaled in
      withUnsafeElements { elements in
        for row in 0..<shape[0] {
          let start = row * factors.count
          for (index, factor) in factors.enumerated() {
            scaled[start + index] = Scalar(Double(elements[start + index]) * factor)
          }
        }
      }
    }
  }

  /// For each column its inner product with that of another such tensor.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  fileprivate func columnDots(with other: Tensor) -> [Double] {
    let (rows, columns, taps) = (shape[0], shape[1], taps)
    var dots = [Double](repeating: 0, count: columns)
    withUnsafeElements { a in
      other.withUnsafeElements { b in
        for row in 0..<rows {
          for column in 0..<columns {
            let start = (row * columns + column) * taps
            var dot = dots[column]
            for index in start..<start + taps { dot += Double(a[index]) * Double(b[index]) }
            dots[column] = dot
          }
        }
      }
    }
    return dots
  }
}
