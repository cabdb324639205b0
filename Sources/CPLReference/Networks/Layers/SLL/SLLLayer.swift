// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

/// An SDP-based Lipschitz layer (Araujo et al., ICLR 2023), which is 1-Lipschitz for all weights:
///
///     z = x − 2 Wᵀ T σ(W x + b) = x − 2 W′ᵀ σ(W′x + b′),   W′ = T^½ W, b′ = T^½ b, σ = ReLU
///
/// with `SLLScaling`'s T. By the second form, ReLU being positively homogeneous, it is a convex potential
/// layer with h = 2; what is executed, and bounded, is that layer with W′ and b′ as they were rounded. √t is
/// made smaller by four units in the last place, so that roundings do not make ‖W′‖ larger than 1.
package struct SLLLayer<Executed>: ConvexPotentialLayer
where Executed: SteppedLayer & LipschitzBoundedLayer & ForwardErrorBoundedLayer {
  package typealias Scalar = Executed.Scalar
  package typealias Cache = Executed.Cache

  package let specification: LayerSpecification
  /// W as it is trained, inner×d or inner×C×k×k.
  package private(set) var weights: Tensor<Scalar>
  /// b as it is trained.
  package private(set) var trainedBias: Tensor<Scalar>
  /// q̃, one number a hidden unit or hidden channel.
  package private(set) var logarithms: Tensor<Scalar>
  /// z = x − 2 W′ᵀ σ(W′x + b′).
  package private(set) var executed: Executed
  /// What q is.
  private let weighting: SLLWeighting
  /// ε of q = |q̃| + ε; 0 for any other q.
  private let regularization: Double
  /// √t as it is executed.
  private var roots: [Double] = []
  /// What they were made of the weights with; nil where they are given.
  private var scaling: SLLScaling?

  /// The layer that executes `executed`'s kind.
  ///
  /// - Parameter executed: a layer with weights and bias of the same shapes, which are replaced.
  init(
    _ executed: Executed, _ specification: LayerSpecification, weights: Tensor<Scalar>,
    bias: Tensor<Scalar>, logarithms: Tensor<Scalar>, weighting: SLLWeighting = .exponential,
    regularization: Double = 0
  ) {
    self.executed = executed
    self.specification = specification
    self.weights = weights
    trainedBias = bias
    self.logarithms = logarithms
    self.weighting = weighting
    self.regularization = regularization
    derive()
  }

  package var name: String { executed.name }
  package var executedLayer: any Layer<Scalar> { executed }
  package var inputShape: [Int] { executed.inputShape }
  package var outputShape: [Int] { executed.outputShape }
  package var linearMap: any LinearMap<Scalar> { executed.linearMap }
  package var bias: Tensor<Scalar> { executed.bias }
  package var stepSize: Scalar {
    get { executed.stepSize }
    set { executed.stepSize = newValue }
  }

  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [(executed.parameters[0].name, weights), ("bias", trainedBias), ("q", logarithms)]
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &weights)
    body(1, &trainedBias)
    body(2, &logarithms)
    derive()
  }

  private var ownScaling: SLLScaling {
    let shape = weights.shape.count == 4 ? weights.shape : weights.shape + [1, 1]
    let wide: Tensor<Double> = weights.converted()
    return SLLScaling(
      weights: wide.reshaped(shape),
      logarithms: weighting.logarithms(logarithms.converted(), regularization: regularization),
      regularization: regularization)
  }

  /// Makes W′ and b′ of the parameters.
  private mutating func derive() {
    let scaling = ownScaling
    self.scaling = scaling
    roots = scaling.roots.map { $0 * (1 - 2 * Double(Scalar.ulpOfOne)) }
    let scaled = [weights.rowsScaled(by: roots), trainedBias.rowsScaled(by: roots)]
    executed.updateParameters { index, value in value = scaled[index] }
  }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    executed.forward(input, keeping: recording, workers: workers)
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    executed.inputGradient(outputGradient, from: cache, workers: workers)
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    executed.tangent(inputTangent, from: cache, workers: workers)
  }

  /// With respect to W′ and b′.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    executed.backward(outputGradient, from: cache, workers: workers)
  }

  /// With g′ the gradients with respect to W′ and b′: ∂/∂W = T^½ g′ and alike for b, t held constant, and
  /// ∂/∂√t_i = ⟨g′_i, W_i⟩ + g′_i b_i.
  package func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    let (weightGradient, biasGradient) = (sums.parameters[0], sums.parameters[1])
    let products = weightGradient.withUnsafeElements { gradient in
      weights.withUnsafeElements { weights in
        let stride = weightGradient.count / max(1, roots.count)
        return roots.indices.map {
          Scalar.dot(stride, gradient + $0 * stride, weights + $0 * stride)
        }
      }
    }
    let derived = products.indices.map {
      Scalar(products[$0]) + biasGradient.elements[$0] * trainedBias.elements[$0]
    }
    return LayerGradient(
      parameters: [
        weightGradient.rowsScaled(by: roots), biasGradient.rowsScaled(by: roots),
        Tensor(shape: logarithms.shape),
      ], derived: derived)
  }

  /// What is executed is converted too, not derived again.
  package func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    let layer = specification.value.makeLayer(
      name: name, parameters: parameters.map { $0.value.converted(to: type) }, buffers: [])
    guard var converted = layer as? any DerivedPotentialLayer<Other> else { return layer }
    converted.execute(executed.converted(to: type), roots: roots)
    return converted
  }
}

extension SLLLayer: DerivedWeightsLayer {
  /// The gradient reaches W and q̃ by way of √t too.
  package mutating func deriveWeights(
    densePowerGradient: Bool
  ) -> GradientThroughDerivation<Scalar> {
    let (shape, parameter) = (weights.shape, logarithms)
    let (weighting, regularization) = (weighting, regularization)
    let scaling = scaling ?? ownScaling
    return { gradient, _ in
      let (weights, logarithms) = scaling.gradients(of: gradient.derived)
      gradient.parameters[0].add(weights.reshaped(shape), scale: 1)
      guard let logarithms else { return }
      gradient.parameters[2].add(
        Tensor(
          shape: [logarithms.count],
          elements: zip(logarithms, parameter.elements).map {
            Scalar($0 * weighting.slope(at: Double($1), regularization: regularization))
          }), scale: 1)
    }
  }
}

/// An SLL layer whatever it executes.
protocol DerivedPotentialLayer<Scalar>: ConvexPotentialLayer {
  /// q̃.
  var logarithms: Tensor<Scalar> { get }

  /// Executes `layer` with its numbers as they are.
  ///
  /// - Precondition: it is of the kind that is executed.
  mutating func execute(_ layer: any Layer<Scalar>, roots: [Double])

  /// Executes rows of W′ and elements of b′ that are longer by a factor each.
  mutating func scaleUnits(by factors: [Double])
}

extension SLLLayer: DerivedPotentialLayer {
  mutating func execute(_ layer: any Layer<Scalar>, roots: [Double]) {
    guard let layer = layer as? Executed else {
      preconditionFailure("\(layer.name) is of another kind")
    }
    (executed, self.roots, scaling) = (layer, roots, nil)
  }

  mutating func scaleUnits(by factors: [Double]) {
    executed.updateParameters { _, value in value = value.rowsScaled(by: factors) }
  }
}

extension SLLLayer: LipschitzBoundedLayer {
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try executed.spectralNorm()
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try executed.lipschitzUpperBound(spectralNorm)
  }
}

extension SLLLayer: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try executed.forwardErrorBound(norm: norm, spectralNorm: spectralNorm)
  }
}
