// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// A convex potential layer whose W is a circular convolution:
///
///     r = Tᵀ relu(T x + b),   z = x − h r,   T = convolution with K on the torus of the image
///
/// on images C×H×W, with K of inner×C×k×k and b of `inner`. Lipschitz constant at most
/// max(1, h‖T‖² − 1), with the norm on that torus.
package struct CircularCPLConvolution<Scalar: TensorScalar>: SteppedLayer {
  package let name: String
  package var stepRule: StepRule
  package var stepSize: Scalar
  package var stepNumerator: Scalar = 2
  package var stepRegularization = StepSize.regularization
  package var powerVector: Tensor<Scalar>
  /// b, one number an inner channel.
  package private(set) var bias: Tensor<Scalar>
  /// T.
  private var product: ConvolutionProduct<Scalar>
  private let image: ImageShape

  /// The layer with kernel K and bias b on images of a shape.
  package init(
    name: String, kernel: Tensor<Scalar>, bias: Tensor<Scalar>, image: ImageShape,
    stepRule: StepRule, stepSize: Scalar, powerVector: Tensor<Scalar>
  ) {
    (self.name, self.bias, self.image) = (name, bias, image)
    (self.stepRule, self.stepSize, self.powerVector) = (stepRule, stepSize, powerVector)
    product = ConvolutionProduct(kernel: kernel, padding: .circular, image: image)
  }

  private var kernel: Tensor<Scalar> { product.weights }
  private var potential: BatchPotential<Scalar> {
    BatchPotential(convolution: product.convolution)
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.extents }
  package var linearMap: any LinearMap<Scalar> { product.convolution }

  package var specification: LayerSpecification {
    .convolution(
      image: image, inner: kernel.shape[0], kernel: kernel.shape[2],
      step: StepSize(
        rule: stepRule, value: Float(stepSize), numerator: Float(stepNumerator),
        regularization: stepRegularization), padding: .circular)
  }

  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("kernel", kernel), ("bias", bias)]
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &product.weights)
    body(1, &bias)
  }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: BatchPotential<Scalar>.Cache) {
    potential.forward(
      input, bias: bias, step: stepSize, keeping: recording, workers: workers)
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: BatchPotential<Scalar>.Cache,
    workers: Workers
  ) -> Tensor<Scalar> {
    potential.inputGradient(outputGradient, step: stepSize, from: cache, workers: workers)
  }

  /// The Jacobian I − h TᵀDT is symmetric: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: BatchPotential<Scalar>.Cache,
    workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }

  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: BatchPotential<Scalar>.Cache,
    workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    potential.backward(outputGradient, step: stepSize, from: cache, workers: workers)
  }
}

extension CircularCPLConvolution: LipschitzBoundedLayer {
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try product.spectralNorm()
  }

  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.convexPotentialLayer(
      stepSize: Float(stepSize), spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension CircularCPLConvolution: ForwardErrorBoundedLayer {
  package func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    return try ForwardErrorBound.convexPotentialLayer(
      norm: norm, stepSize: Double(stepSize), spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: product.biasNormUpperBound(bias),
      positiveBiasNorm: Rounding.up.product(
        bias.positivePartNormUpperBound, image.planeNormUpperBound),
      analysis: try product.sums(spectralNormUpperBound: spectralNormUpperBound),
      synthesis: try product.transposedSums(spectralNormUpperBound: spectralNormUpperBound),
      in: BinaryFormat(Scalar.self))
  }
}
