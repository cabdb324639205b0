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
  /// For the gradients of the parameters.
  package struct Cache: Sendable {
    /// The input, where the series is to be computed again.
    var input: Tensor<Scalar>?
    /// The series' stages, of each piece of the batch.
    var stages: [Tensor<Scalar>]?
  }

  package let name: String
  /// F, C×C×k×k, as it is trained.
  package private(set) var filter: Tensor<Scalar>
  package private(set) var bias: Tensor<Scalar>
  /// F's skew part and its estimated norm, with u, which the power method goes on from; nil where no norm is estimated.
  private var normalization: SkewFilter<Scalar>?
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
    (self.name, self.filter, self.bias) = (name, filter, bias)
    normalization = powerVector.map {
      SkewFilter(filter, height: height, width: width, vector: $0)
    }
    (kernel, scale) = Self.executed(filter, normalization)
    series = SkewSeries(
      convolution: BatchConvolution(kernel: kernel, height: height, width: width, wraps: false),
      terms: terms)
  }

  /// u.
  package var powerVector: Tensor<Scalar>? { normalization?.vector }

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
    normalization = powerVector.map {
      SkewFilter(filter, height: image.height, width: image.width, vector: $0)
    }
    let (kernel, scale) = Self.executed(filter, normalization)
    execute(kernel, scale: scale)
  }

  /// K, and what makes it of F's skew part.
  private static func executed(
    _ filter: Tensor<Scalar>, _ normalization: SkewFilter<Scalar>?
  ) -> (kernel: Tensor<Scalar>, scale: Double) {
    if let normalization { return (normalization.kernel, normalization.scale) }
    return (SkewFilter<Scalar>.skewPart(filter.converted()).converted(), 1)
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

  /// Does something with a piece's images channels last, in groups that go through the series together, and lays them back
  /// with the bias added.
  ///
  /// - Parameters:
  ///   - copies: room for so many times the numbers of a group, for `body`.
  ///   - body: told which of the piece's images a group begins with, and how many there are.
  private func forEachGroup(
    _ range: Range<Int>, of values: UnsafeMutablePointer<Scalar>, adding bias: Tensor<Scalar>?,
    copies: Int,
    _ body: (
      _ first: Int, _ images: Int, _ turned: UnsafeMutablePointer<Scalar>,
      _ scratch: UnsafeMutablePointer<Scalar>
    ) -> Void
  ) {
    let (together, count) = (min(series.imagesTogether, range.count), series.count)
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: (1 + copies) * together * count) {
      let (turned, scratch) = ($0.baseAddress!, $0.baseAddress! + together * count)
      for first in stride(from: 0, to: range.count, by: together) {
        let images = min(together, range.count - first)
        let value = values + (range.lowerBound + first) * image.count
        series.convolution.turn(images: images, value, to: turned)
        body(first, images, turned, scratch)
        series.convolution.turnBack(images: images, turned, adding: bias, to: value)
      }
    }
  }

  /// values ← S_k(A) of each image of a piece, and the bias.
  ///
  /// - Parameter stages: where those of the series are kept.
  private func apply(
    _ range: Range<Int>, _ values: UnsafeMutablePointer<Scalar>, adding bias: Tensor<Scalar>?,
    keeping stages: UnsafeMutablePointer<Scalar>? = nil
  ) {
    forEachGroup(range, of: values, adding: bias, copies: 2) { first, images, turned, scratch in
      let kept = stages.map { $0 + first * terms * series.count }
      series.apply(images: images, turned, keeps: kept != nil, stages: kept ?? scratch)
    }
  }

  private func applied(
    to batch: consuming Tensor<Scalar>, adding bias: Tensor<Scalar>?, workers: Workers
  ) -> Tensor<Scalar> {
    forEachPiece(of: batch, workers) { range, values in apply(range, values, adding: bias) }
  }

  private func forEachPiece(
    of batch: consuming Tensor<Scalar>, _ workers: Workers,
    _ body: @Sendable (_ range: Range<Int>, _ values: UnsafeMutablePointer<Scalar>) -> Void
  ) -> Tensor<Scalar> {
    var values = consume batch
    let images = values.shape[0]
    values.withUnsafeMutableElements { values in
      nonisolated(unsafe) let values = values
      workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
        body(range, values)
      }
    }
    return values
  }

  /// The most numbers that a layer keeps of its series.
  private static var mostKept: Int { 1 << 26 }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    forward(input, keeping: recording, atMost: Self.mostKept, workers: workers)
  }

  /// The same, with at most so many numbers kept of the series; where there are more, the backward pass computes them
  /// again: slower, with the same bits.
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, atMost mostKept: Int,
    workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    var values = consume input
    let images = values.shape[0]
    guard recording == .everything, images * terms * series.count <= mostKept else {
      let output = applied(to: values, adding: bias, workers: workers)
      return (output, Cache(input: recording == .everything ? values : nil))
    }
    // A tensor a piece: blocks of a size that is used again in the next step.
    var stages = [Tensor<Scalar>](
      repeating: Tensor(shape: [0]), count: BatchTree.pieces(of: images))
    values.withUnsafeMutableElements { values in
      stages.withUnsafeMutableBufferPointer { stages in
        nonisolated(unsafe) let (values, stages) = (values, stages)
        workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { piece, range in
          stages[piece] = Tensor(shape: [range.count * terms * series.count]) {
            apply(range, values, adding: bias, keeping: $0)
          }
        }
      }
    }
    return (values, Cache(stages: stages))
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    forEachPiece(of: outputGradient, workers) { range, values in
      forEachGroup(range, of: values, adding: nil, copies: 2) { _, images, turned, scratch in
        series.applyTransposed(images: images, turned, keeps: false, powers: scratch)
      }
    }
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    applied(to: inputTangent, adding: nil, workers: workers)
  }

  /// With respect to K and b.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    var gradient = consume outputGradient
    let (batch, kernelCount, channels) = (gradient.shape[0], kernel.count, bias.count)
    let sums: [Scalar] = gradient.withUnsafeMutableElements { gradients in
      nonisolated(unsafe) let gradients = gradients
      // The kernel's gradient, then the bias's.
      return BatchTree.sums(of: batch, count: kernelCount + channels, workers: workers) {
        range, sums in
        let piece = range.lowerBound / BatchTree.imagesPerPiece
        (cache.stages?[piece] ?? stages(range, of: cache.input!)).withUnsafeElements {
          addGradients(range, gradients, stages: $0, to: sums)
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

  /// The series' stages of a piece of a batch, computed again.
  private func stages(_ range: Range<Int>, of batch: Tensor<Scalar>) -> Tensor<Scalar> {
    var images = batch.slice(range)
    return Tensor(shape: [range.count * terms * series.count]) { stages in
      images.withUnsafeMutableElements {
        apply(0..<range.count, $0, adding: nil, keeping: stages)
      }
    }
  }

  /// gradients ← those with respect to a piece's images, and adds to the sums of the kernel and the bias.
  private func addGradients(
    _ range: Range<Int>, _ gradients: UnsafeMutablePointer<Scalar>,
    stages: UnsafePointer<Scalar>, to sums: UnsafeMutablePointer<Scalar>
  ) {
    let terms = terms
    Self.addSums(
      of: gradients + range.lowerBound * image.count, range.count, image.planeCount,
      to: UnsafeMutableBufferPointer(start: sums + kernel.count, count: bias.count))
    forEachGroup(range, of: gradients, adding: nil, copies: terms + 1) {
      first, images, turned, powers in
      series.applyTransposed(images: images, turned, keeps: true, powers: powers)
      series.addKernelGradient(
        images: images, stages: stages + first * terms * series.count, powers: powers, to: sums)
    }
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
    guard let previous = normalization else { return { _, _ in } }
    let skew = previous.next()
    normalization = skew
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
