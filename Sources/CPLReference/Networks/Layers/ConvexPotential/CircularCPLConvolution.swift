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
  package struct Cache: Sendable {
    /// For the gradients of the parameters.
    var input: Tensor<Scalar>?
    /// a = relu(T x + b).
    var hidden: Tensor<Scalar>?
  }

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

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.extents }
  package var linearMap: any LinearMap<Scalar> {
    CircularConvolution(kernel: kernel, height: image.height, width: image.width)
  }

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
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let input = consume input
    var hidden = product.applied(to: input, adding: bias, workers: workers)
    hidden.update(workers) { $0 > 0 ? $0 : 0 }
    var output = product.appliedTransposed(to: hidden, workers: workers)
    let step = stepSize
    output.update(by: input, workers) { $1.addingProduct(-step, $0) }
    return (
      output,
      Cache(
        input: recording == .everything ? input : nil,
        hidden: recording == .nothing ? nil : hidden)
    )
  }

  /// g + Tᵀp, p = −h · 1[a > 0] ⊙ T g.
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let gradient = consume outputGradient
    let projected = product.applied(to: gradient, adding: nil, workers: workers)
    return sum(gradient, gated(projected, cache.hidden!, workers), workers)
  }

  /// −h · 1[a > 0] ⊙ T g.
  private func gated(
    _ projected: Tensor<Scalar>, _ hidden: Tensor<Scalar>, _ workers: Workers
  ) -> Tensor<Scalar> {
    var gated = projected
    let step = stepSize
    gated.update(by: hidden, workers) { $1 > 0 ? -step * $0 : 0 }
    return gated
  }

  /// g + Tᵀp.
  private func sum(
    _ gradient: Tensor<Scalar>, _ gated: Tensor<Scalar>, _ workers: Workers
  ) -> Tensor<Scalar> {
    var sum = product.appliedTransposed(to: gated, workers: workers)
    sum.update(by: gradient, workers) { $0 + $1 }
    return sum
  }

  /// The Jacobian I − h TᵀDT is symmetric: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }

  /// With g the gradient with respect to z, a the activations and p as above:
  ///
  ///     ∂/∂x = g + Tᵀp,   ∂/∂K = ∂(⟨p, T x⟩ − h⟨a, T g⟩)/∂K,   ∂/∂b = Σ p,   ∂/∂h = −⟨a, T g⟩
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let gradient = consume outputGradient
    let (input, hidden) = (cache.input!, cache.hidden!)
    let projected = product.applied(to: gradient, adding: nil, workers: workers)
    let gated = gated(projected, hidden, workers)
    var scaled = hidden
    let step = stepSize
    scaled.update(workers) { -step * $0 }
    // An image's two pairs follow each other: its piece has both.
    let kernelGradient = product.gradients(
      inputs: input.interleaved(with: gradient), outputs: gated.interleaved(with: scaled),
      workers: workers
    ).weights
    let (biasGradient, stepGradient) = sums(gated, hidden, projected)
    return (
      sum(gradient, gated, workers),
      LayerGradient(parameters: [kernelGradient, biasGradient], derived: [-stepGradient])
    )
  }

  /// Σ p over images and pixels, and ⟨a, T g⟩, in the order of `BatchTree`.
  private func sums(
    _ gated: Tensor<Scalar>, _ hidden: Tensor<Scalar>, _ projected: Tensor<Scalar>
  ) -> (bias: Tensor<Scalar>, step: Scalar) {
    let (channels, plane) = (bias.count, image.planeCount)
    var pieces = BatchTree.ranges(of: gated.shape[0]).map { range in
      var sums = [Scalar](repeating: 0, count: channels + 1)
      for channel in range.lowerBound * channels..<range.upperBound * channels {
        let pixels = channel * plane..<(channel + 1) * plane
        sums[channel % channels] += gated.sum(pixels)
        sums[channels] += hidden.dot(projected, pixels)
      }
      return sums
    }
    BatchTree.forEachAddition(of: pieces.count) { sum, addend in
      for index in 0...channels { pieces[sum][index] += pieces[addend][index] }
    }
    let whole = pieces.first ?? Array(repeating: 0, count: channels + 1)
    return (Tensor(shape: [channels], elements: Array(whole.dropLast())), whole[channels])
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

extension Tensor {
  /// Each element of a batch replaced by what `body` makes of it.
  @inline(__always)
  fileprivate mutating func update(_ workers: Workers, _ body: @Sendable (Scalar) -> Scalar) {
    forEachIndex(workers) { elements, index in elements[index] = body(elements[index]) }
  }

  /// Each element of a batch replaced by what `body` makes of it and of that of another batch of the same shape.
  @inline(__always)
  fileprivate mutating func update(
    by other: Tensor, _ workers: Workers, _ body: @Sendable (Scalar, Scalar) -> Scalar
  ) {
    other.withUnsafeElements { others in
      nonisolated(unsafe) let others = others
      forEachIndex(workers) { elements, index in
        elements[index] = body(elements[index], others[index])
      }
    }
  }

  @inline(__always)
  private mutating func forEachIndex(
    _ workers: Workers, _ body: @Sendable (UnsafeMutablePointer<Scalar>, Int) -> Void
  ) {
    let (images, count) = (shape[0], shape.dropFirst().reduce(1, *))
    withUnsafeMutableElements { elements in
      nonisolated(unsafe) let elements = elements
      workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
        for index in range.lowerBound * count..<range.upperBound * count { body(elements, index) }
      }
    }
  }

  /// The batch of this one's first image, the other's first, this one's second, and so on.
  fileprivate func interleaved(with other: Tensor) -> Tensor {
    let (images, count) = (shape[0], shape.dropFirst().reduce(1, *))
    return Tensor(shape: [2 * images] + shape.dropFirst()) { result in
      withUnsafeElements { first in
        other.withUnsafeElements { second in
          for image in 0..<images {
            let target = result + 2 * image * count
            target.update(from: first + image * count, count: count)
            (target + count).update(from: second + image * count, count: count)
          }
        }
      }
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  fileprivate func sum(_ range: Range<Int>) -> Scalar {
    withUnsafeElements { elements in range.reduce(0) { $0 + elements[$1] } }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  fileprivate func dot(_ other: Tensor, _ range: Range<Int>) -> Scalar {
    withUnsafeElements { a in
      other.withUnsafeElements { b in range.reduce(0) { $0 + a[$1] * b[$1] } }
    }
  }
}
