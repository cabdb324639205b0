// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// A skew orthogonal convolution (Singla and Feizi, ICML 2021):
///
///     y = Σ_{i ≤ k} Aⁱx/i! + b
///
/// with A the zero-padded convolution with `SkewFilter`'s kernel on C×H×W images, and b one number a channel. The sum
/// has k + 1 terms; the published code counts them likewise, without the first (5 in training, 12 in evaluation).
///
/// exp(A) is orthogonal for a skew A, and its series keeps or nearly keeps distances: `TruncatedExponential` says which
/// k do. With those training and evaluation may have the same.
package struct SOCConvolution<Scalar: TensorScalar>: FeatureLayer {
  package struct Cache: Sendable {
    /// For the gradients of the parameters.
    var input: Tensor<Scalar>?
  }

  package let name: String
  /// F, C×C×k×k, as it is trained.
  package private(set) var filter: Tensor<Scalar>
  package private(set) var bias: Tensor<Scalar>
  /// u, which the power method goes on from; nil where no norm is estimated.
  package private(set) var powerVector: Tensor<Scalar>?
  /// K as it is executed.
  package private(set) var kernel: Tensor<Scalar>
  /// 1/(σ̂ + 1e-12), which made K of F's skew part; 1 where no norm is estimated.
  private var scale: Double
  /// Σ_{i ≤ k} Aⁱ/i!.
  var series: SkewSeries<Scalar>

  package init(
    name: String, filter: Tensor<Scalar>, bias: Tensor<Scalar>, height: Int, width: Int, terms: Int,
    powerVector: Tensor<Scalar>?
  ) {
    (self.name, self.filter, self.bias, self.powerVector) = (name, filter, bias, powerVector)
    (kernel, scale) = Self.executed(filter, height: height, width: width, vector: powerVector)
    series = SkewSeries(
      convolution: BatchConvolution(kernel: kernel, height: height, width: width, wraps: false),
      terms: terms)
  }

  /// k.
  package var terms: Int { series.terms }

  /// A.
  package var map: any LinearMap<Scalar> { series.convolution }

  package var inputShape: [Int] { series.convolution.inputShape }
  package var outputShape: [Int] { series.convolution.inputShape }

  package var image: ImageShape {
    let shape = series.convolution.shape
    return ImageShape(channels: shape.channels, height: shape.height, width: shape.width)
  }

  package var specification: LayerSpecification {
    .socConvolution(
      image: image, kernel: filter.shape[2], terms: series.terms, isNormalized: powerVector != nil)
  }

  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("kernel", filter), ("bias", bias)]
  }

  package var buffers: [(name: String, value: Tensor<Scalar>)] {
    powerVector.map { [("u", $0)] } ?? []
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &filter)
    body(1, &bias)
    let (kernel, scale) = Self.executed(
      filter, height: image.height, width: image.width, vector: powerVector)
    execute(kernel, scale: scale)
  }

  /// K with u as it is, and what makes it of F's skew part.
  private static func executed(
    _ filter: Tensor<Scalar>, height: Int, width: Int, vector: Tensor<Scalar>?
  ) -> (kernel: Tensor<Scalar>, scale: Double) {
    guard let vector else {
      return (SkewFilter<Scalar>.skewPart(filter.converted()).converted(), 1)
    }
    let skew = SkewFilter(filter, height: height, width: width, vector: vector)
    return (skew.kernel, skew.scale)
  }

  private mutating func execute(_ kernel: Tensor<Scalar>, scale: Double) {
    let (height, width) = (image.height, image.width)
    self.kernel = kernel
    self.scale = scale
    series.convolution = BatchConvolution(
      kernel: kernel, height: height, width: width, wraps: false)
  }

  /// What is executed is converted too, not derived again.
  package func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    var layer = SOCConvolution<Other>(
      name: name, filter: filter.converted(), bias: bias.converted(), height: image.height,
      width: image.width, terms: series.terms, powerVector: powerVector?.converted())
    layer.execute(kernel.converted(), scale: scale)
    return layer
  }

  /// Images of a piece that go through the series together, and where they begin.
  private func forEachGroup(_ range: Range<Int>, _ body: (_ images: Int, _ start: Int) -> Void) {
    for first in stride(from: range.lowerBound, to: range.upperBound, by: series.imagesTogether) {
      body(min(series.imagesTogether, range.upperBound - first), first * series.count)
    }
  }

  /// S_k(A) or S_k(Aᵀ) of each image, and the bias.
  private func applied(
    transposed: Bool, to batch: consuming Tensor<Scalar>, adding bias: Tensor<Scalar>?,
    workers: Workers
  ) -> Tensor<Scalar> {
    var values = consume batch
    let (images, count) = (values.shape[0], series.count)
    values.withUnsafeMutableElements { values in
      nonisolated(unsafe) let values = values
      workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
        let together = min(series.imagesTogether, range.count)
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 2 * together * count) { scratch in
          forEachGroup(range) { images, start in
            series.apply(
              transposed: transposed, images: images, values + start, keeps: false,
              quotients: scratch.baseAddress!)
            if let bias { Self.add(bias.elements, to: values + start, images, image.planeCount) }
          }
        }
      }
    }
    return values
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func add(
    _ bias: [Scalar], to values: UnsafeMutablePointer<Scalar>, _ images: Int, _ plane: Int
  ) {
    for channel in 0..<images * bias.count {
      let (pixels, number) = (values + channel * plane, bias[channel % bias.count])
      for index in 0..<plane { pixels[index] += number }
    }
  }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let input = consume input
    let output = applied(transposed: false, to: input, adding: bias, workers: workers)
    return (output, Cache(input: recording == .everything ? input : nil))
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    applied(transposed: true, to: outputGradient, adding: nil, workers: workers)
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    applied(transposed: false, to: inputTangent, adding: nil, workers: workers)
  }

  /// With respect to K and b. The powers of A are computed again: k images for each thread instead of k for each image.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    var gradient = consume outputGradient
    let (batch, count, terms) = (gradient.shape[0], series.count, series.terms)
    let (kernelCount, channels, plane) = (kernel.count, bias.count, image.planeCount)
    let sums: [Scalar] = gradient.withUnsafeMutableElements { gradients in
      cache.input!.withUnsafeElements { inputs in
        nonisolated(unsafe) let (gradients, inputs) = (gradients, inputs)
        // The kernel's gradient, then the bias's.
        return BatchTree.sums(of: batch, count: kernelCount + channels, workers: workers) {
          range, sums in
          let together = min(series.imagesTogether, range.count)
          withUnsafeTemporaryAllocation(
            of: Scalar.self, capacity: 2 * terms * together * count
          ) { scratch in
            let quotients = scratch.baseAddress!
            let powers = quotients + terms * together * count
            forEachGroup(range) { images, start in
              let value = gradients + start
              Self.addSums(
                of: value, images, plane,
                to: UnsafeMutableBufferPointer(
                  start: sums + kernelCount, count: channels))
              series.apply(
                transposed: true, images: images, value, keeps: true, quotients: quotients)
              powers.update(from: inputs + start, count: images * count)
              series.addKernelGradient(
                images: images, powers: powers, quotients: quotients, to: sums)
            }
          }
        }
      }
    }
    return (
      gradient,
      LayerGradient(parameters: [
        Tensor(shape: kernel.shape, elements: Array(sums[0..<kernelCount])),
        Tensor(shape: [channels], elements: Array(sums[kernelCount...])),
      ])
    )
  }

  /// Adds the sum of each plane to its channel's number, by eight partial sums.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func addSums(
    of planes: UnsafePointer<Scalar>, _ images: Int, _ plane: Int,
    to sums: UnsafeMutableBufferPointer<Scalar>
  ) {
    for channel in 0..<images * sums.count {
      let pixels = planes + channel * plane
      var parts = SIMD8<Scalar>(repeating: 0)
      for first in stride(from: 0, to: plane & ~7, by: 8) {
        parts += UnsafeRawPointer(pixels + first).loadUnaligned(as: SIMD8<Scalar>.self)
      }
      for index in plane & ~7..<plane { parts[index % 8] += pixels[index] }
      let four = parts.lowHalf + parts.highHalf
      let two = four.lowHalf + four.highHalf
      sums[channel % sums.count] += two[0] + two[1]
    }
  }

  /// With g the gradient with respect to K: that with respect to F with 1/(σ̂ + 1e-12) held constant, and that with
  /// respect to this number, ⟨g, S⟩.
  package func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    var gradient: Tensor<Double> = SkewFilter<Scalar>.skewPart(sums.parameters[0].converted())
    let derived = gradient.dot(filter.converted())
    gradient.scale(by: scale)
    return LayerGradient(
      parameters: [gradient.converted(), sums.parameters[1]], derived: [Scalar(derived)])
  }
}

extension SOCConvolution: DerivedWeightsLayer {
  /// One iteration of the power method, which moves u, and K with it. The gradient follows σ̂ back to F. Where no norm is
  /// estimated, nothing moves.
  package mutating func deriveWeights(
    densePowerGradient: Bool
  ) -> GradientThroughDerivation<Scalar> {
    guard let powerVector else { return { _, _ in } }
    let (height, width) = (image.height, image.width)
    let previous = SkewFilter(filter, height: height, width: width, vector: powerVector)
    let skew = SkewFilter(filter, height: height, width: width, vector: previous.nextVector)
    self.powerVector = skew.vector
    execute(skew.kernel, scale: skew.scale)
    return { gradient, _ in
      // ∂K/∂σ̂ is −S/(σ̂ + 1e-12)².
      let factor = -skew.scale * skew.scale * Double(gradient.derived[0])
      var addition = skew.estimateGradient(after: previous)
      addition.scale(by: factor)
      gradient.parameters[0].add(addition.converted(), scale: 1)
    }
  }
}

extension CPLNetwork {
  /// The network whose SOC layers end their series with the power `terms`, 1 to 20.
  package func withSkewSeries(of terms: Int) -> CPLNetwork {
    CPLNetwork(
      layers: layers.map { layer in
        guard var layer = layer as? SOCConvolution<Scalar> else { return layer }
        layer.series.terms = terms
        return layer
      })
  }
}
