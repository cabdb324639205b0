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
      convolution: Convolution(kernel: kernel, height: height, width: width), terms: terms)
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
    series.convolution = Convolution(kernel: kernel, height: height, width: width)
  }

  /// What is executed is converted too, not derived again.
  package func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    var layer = SOCConvolution<Other>(
      name: name, filter: filter.converted(), bias: bias.converted(), height: image.height,
      width: image.width, terms: series.terms, powerVector: powerVector?.converted())
    layer.execute(kernel.converted(), scale: scale)
    return layer
  }

  /// A batch with each image replaced by what `body` makes of it in place.
  private func mapImages(
    _ batch: consuming Tensor<Scalar>, workers: Workers,
    _ body:
      @Sendable (
        _ value: UnsafeMutablePointer<Scalar>, _ quotient: UnsafeMutablePointer<Scalar>,
        _ product: UnsafeMutablePointer<Scalar>, _ workspace: UnsafeMutableRawPointer
      ) -> Void
  ) -> Tensor<Scalar> {
    var values = consume batch
    let (images, count) = (values.shape[0], series.count)
    values.withUnsafeMutableElements { values in
      nonisolated(unsafe) let values = values
      workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
        series.convolution.withWorkspace { workspace in
          withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 2 * count) { scratch in
            let scratch = scratch.baseAddress!
            for image in range {
              body(values + image * count, scratch, scratch + count, workspace)
            }
          }
        }
      }
    }
    return values
  }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let input = consume input
    let plane = image.planeCount
    let output = mapImages(input, workers: workers) { value, quotient, product, workspace in
      series.apply(
        transposed: false, value, keeps: false, quotients: quotient, product: product, workspace)
      for (channel, bias) in bias.elements.enumerated() {
        Self.add(bias, to: value + channel * plane, plane)
      }
    }
    return (output, Cache(input: recording == .everything ? input : nil))
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func add(_ bias: Scalar, to plane: UnsafeMutablePointer<Scalar>, _ count: Int) {
    for index in 0..<count { plane[index] += bias }
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    mapImages(outputGradient, workers: workers) { value, quotient, product, workspace in
      series.apply(
        transposed: true, value, keeps: false, quotients: quotient, product: product, workspace)
    }
  }

  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    mapImages(inputTangent, workers: workers) { value, quotient, product, workspace in
      series.apply(
        transposed: false, value, keeps: false, quotients: quotient, product: product, workspace)
    }
  }

  /// With respect to K and b. The powers of A are computed again: k images for each thread instead of k for each image.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    var gradient = consume outputGradient
    let (batch, count, terms) = (gradient.shape[0], series.count, series.terms)
    let (kernelCount, channels, plane) = (kernel.count, bias.count, image.planeCount)
    // A piece's sums: the kernel's gradient, then the bias's.
    let sumCount = kernelCount + channels
    let pieces = BatchTree.pieces(of: batch)
    var sums = [Scalar](repeating: 0, count: max(1, pieces) * sumCount)
    sums.withUnsafeMutableBufferPointer { sums in
      gradient.withUnsafeMutableElements { gradients in
        cache.input!.withUnsafeElements { inputs in
          nonisolated(unsafe) let sums = sums.baseAddress!
          nonisolated(unsafe) let (gradients, inputs) = (gradients, inputs)
          workers.forEachRange(of: batch, by: BatchTree.imagesPerPiece) { piece, range in
            let kernelSum = sums + piece * sumCount
            series.convolution.withWorkspace { workspace in
              // The quotients and zeros, the product, and the powers.
              withUnsafeTemporaryAllocation(
                of: Scalar.self, capacity: (2 * terms + 2) * count
              ) { scratch in
                let quotients = scratch.baseAddress!
                let (product, powers) = (
                  quotients + (terms + 1) * count, quotients + (terms + 2) * count
                )
                (quotients + terms * count).initialize(repeating: 0, count: count)
                for image in range {
                  let value = gradients + image * count
                  for channel in 0..<channels {
                    kernelSum[kernelCount + channel] += Self.sum(value + channel * plane, plane)
                  }
                  series.apply(
                    transposed: true, value, keeps: true, quotients: quotients, product: product,
                    workspace)
                  powers.update(from: inputs + image * count, count: count)
                  series.addKernelGradient(
                    powers: powers, quotients: quotients, to: kernelSum, workspace)
                }
              }
            }
          }
          BatchTree.forEachAddition(of: pieces) { sum, addend in
            Scalar.add(sumCount, alpha: 1, sums + addend * sumCount, to: sums + sum * sumCount)
          }
        }
      }
    }
    return (
      gradient,
      LayerGradient(parameters: [
        Tensor(shape: kernel.shape, elements: Array(sums[0..<kernelCount])),
        Tensor(shape: [channels], elements: Array(sums[kernelCount..<sumCount])),
      ])
    )
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func sum(_ plane: UnsafePointer<Scalar>, _ count: Int) -> Scalar {
    var sum: Scalar = 0
    for index in 0..<count { sum += plane[index] }
    return sum
  }

  /// With g the gradient with respect to K: that with respect to F with 1/(σ̂ + 1e-12) held constant, and that with
  /// respect to this number, ⟨g, S⟩.
  package func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    let gradient: Tensor<Double> = SkewFilter<Scalar>.skewPart(sums.parameters[0].converted())
    let derived = gradient.dot(filter.converted())
    return LayerGradient(
      parameters: [
        Tensor(
          shape: filter.shape, elements: gradient.elements.map { Scalar($0 * scale) }),
        sums.parameters[1],
      ], derived: [Scalar(derived)])
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
