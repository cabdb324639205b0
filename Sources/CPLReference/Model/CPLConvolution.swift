/// A convex potential layer whose W is a zero-padded convolution:
///
///     r = Tᵀ relu(T x + b),   z = x − h r,   T = convolution with K
///
/// on images C×n×n, with K of inner×C×k×k and b of `inner`. Lipschitz constant at most
/// max(1, h‖T‖² − 1).
public struct CPLConvolution<Scalar: TensorScalar>: ConvexPotentialLayer {
  public let name: String
  public var stepRule: StepRule
  public var stepSize: Scalar
  public var powerVector: Tensor<Scalar>
  /// K, inner×C×k×k.
  public private(set) var kernel: Tensor<Scalar> {
    didSet { convolution = Convolution(kernel: kernel, imageSide: convolution.imageSide) }
  }
  /// b, one number an inner channel.
  public private(set) var bias: Tensor<Scalar>
  /// T.
  public private(set) var convolution: Convolution<Scalar>

  /// How many images one piece of work holds. Sums over the batch are made piece by piece, so
  /// this number is part of "same seed, same bytes".
  private static var imagesPerPiece: Int { 8 }

  /// The layer with kernel K and bias b on images of side `imageSide`.
  public init(
    name: String, kernel: Tensor<Scalar>, bias: Tensor<Scalar>, imageSide: Int,
    stepRule: StepRule, stepSize: Scalar, powerVector: Tensor<Scalar>
  ) {
    self.name = name
    self.kernel = kernel
    self.bias = bias
    self.stepRule = stepRule
    self.stepSize = stepSize
    self.powerVector = powerVector
    convolution = Convolution(kernel: kernel, imageSide: imageSide)
  }

  public var inputShape: [Int] { convolution.inputShape }
  public var outputShape: [Int] { convolution.inputShape }
  public var linearMap: any LinearMap<Scalar> { convolution }

  public var specification: LayerSpecification {
    .convolution(
      channels: convolution.channels, inner: convolution.inner, kernel: convolution.kernelSide,
      side: convolution.imageSide, step: StepSize(rule: stepRule, value: Float(stepSize)))
  }

  public var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("kernel", kernel), ("bias", bias)]
  }

  public mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &kernel)
    body(1, &bias)
  }

  private var imageCount: Int { inputShape.reduce(1, *) }
  private var hiddenCount: Int { convolution.outputShape.reduce(1, *) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, record: LayerRecord<Scalar>) {
    var record = LayerRecord<Scalar>()
    if recording == .everything { record.input = input }
    var output = input
    let batch = output.shape[0]
    let hidden = Tensor<Scalar>(shape: [batch] + convolution.outputShape) { hidden in
      nonisolated(unsafe) let hidden = hidden
      output.withUnsafeMutableElements { images in
        nonisolated(unsafe) let images = images
        workers.forEachRange(of: batch, by: Self.imagesPerPiece) { _, range in
          convolution.withWorkspace { workspace in
            for index in range {
              let image = images + index * imageCount
              let activations = hidden + index * hiddenCount
              convolution.apply(image, to: activations, workspace: workspace)
              rectify(activations)
              convolution.addTransposed(
                activations, scale: -stepSize, to: image, workspace: workspace)
            }
          }
        }
      }
    }
    if recording != .nothing { record.hidden = hidden }
    return (output, record)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    var gradient = outputGradient
    let batch = gradient.shape[0]
    gradient.withUnsafeMutableElements { gradients in
      record.hidden!.withUnsafeElements { hidden in
        nonisolated(unsafe) let (gradients, hidden) = (gradients, hidden)
        workers.forEachRange(of: batch, by: Self.imagesPerPiece) { _, range in
          convolution.withWorkspace { workspace in
            withUnsafeTemporaryAllocation(of: Scalar.self, capacity: hiddenCount) { projected in
              let projected = projected.baseAddress!
              for index in range {
                let image = gradients + index * imageCount
                convolution.apply(image, to: projected, workspace: workspace)
                mask(projected, by: hidden + index * hiddenCount, scale: -stepSize)
                convolution.addTransposed(projected, scale: 1, to: image, workspace: workspace)
              }
            }
          }
        }
      }
    }
    return gradient
  }

  /// With g the gradient with respect to z, a the activations and p = −h · 1[a > 0] ⊙ T g:
  ///
  ///     ∂/∂x = g + Tᵀp,   ∂/∂K = ∂(⟨p, T x⟩ − h⟨a, T g⟩)/∂K,   ∂/∂b = Σ p,   ∂/∂h = −⟨a, T g⟩
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func backward(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    var gradient = outputGradient
    let batch = gradient.shape[0]
    let (kernelCount, inner, pixels) = (kernel.count, convolution.inner, convolution.pixels)
    // A piece's sums: the packed kernel gradient, then the bias gradient, then the step's.
    let sumCount = kernelCount + inner + 1
    let pieces = (batch + Self.imagesPerPiece - 1) / Self.imagesPerPiece
    var sums = [Scalar](repeating: 0, count: max(1, pieces) * sumCount)
    sums.withUnsafeMutableBufferPointer { sums in
      nonisolated(unsafe) let sums = sums.baseAddress!
      gradient.withUnsafeMutableElements { gradients in
        record.input!.withUnsafeElements { inputs in
          record.hidden!.withUnsafeElements { hidden in
            nonisolated(unsafe) let (gradients, inputs, hidden) = (gradients, inputs, hidden)
            workers.forEachRange(of: batch, by: Self.imagesPerPiece) { piece, range in
              let kernelSum = sums + piece * sumCount
              let biasSum = kernelSum + kernelCount
              convolution.withWorkspace { workspace in
                withUnsafeTemporaryAllocation(of: Scalar.self, capacity: hiddenCount) { projected in
                  let projected = projected.baseAddress!
                  for index in range {
                    let image = gradients + index * imageCount
                    let activations = hidden + index * hiddenCount
                    convolution.apply(image, to: projected, workspace: workspace)
                    biasSum[inner] -= Scalar.dot(hiddenCount, activations, projected)
                    convolution.addKernelGradient(
                      image: image, hidden: activations, scale: -stepSize, to: kernelSum,
                      workspace: workspace)
                    mask(projected, by: activations, scale: -stepSize)
                    convolution.addKernelGradient(
                      image: inputs + index * imageCount, hidden: projected, scale: 1,
                      to: kernelSum, workspace: workspace)
                    for channel in 0..<inner {
                      biasSum[channel] += sum(projected + channel * pixels, count: pixels)
                    }
                    convolution.addTransposed(projected, scale: 1, to: image, workspace: workspace)
                  }
                }
              }
            }
          }
        }
      }
      for piece in stride(from: 1, to: pieces, by: 1) {
        for index in 0..<sumCount { sums[index] += sums[piece * sumCount + index] }
      }
    }
    return (
      gradient,
      LayerGradient(
        parameters: [
          convolution.unpack(Array(sums[0..<kernelCount])),
          Tensor(shape: [inner], elements: Array(sums[kernelCount..<kernelCount + inner])),
        ],
        step: sums[kernelCount + inner])
    )
  }

  /// hidden ← relu(hidden + b).
  private func rectify(_ hidden: UnsafeMutablePointer<Scalar>) {
    for channel in 0..<convolution.inner {
      let offset = bias.elements[channel]
      let plane = hidden + channel * convolution.pixels
      for pixel in 0..<convolution.pixels { plane[pixel] = positivePart(plane[pixel] + offset) }
    }
  }

  /// values ← scale · 1[activations > 0] ⊙ values.
  private func mask(
    _ values: UnsafeMutablePointer<Scalar>, by activations: UnsafePointer<Scalar>, scale: Scalar
  ) {
    for index in 0..<hiddenCount {
      values[index] = activations[index] > 0 ? scale * values[index] : 0
    }
  }
}

/// relu(x), and NaN for NaN, so that a value that is not a number is not lost on its way.
@inline(__always)
func positivePart<Scalar: TensorScalar>(_ x: Scalar) -> Scalar { x < 0 ? 0 : x }

/// The sum of `count` numbers, in sixteen interleaved partial sums.
@inline(__always)
func sum<Scalar: TensorScalar>(_ values: UnsafePointer<Scalar>, count: Int) -> Scalar {
  var lanes = SIMD16<Scalar>(repeating: 0)
  let whole = count / 16 * 16
  for start in stride(from: 0, to: whole, by: 16) {
    lanes += UnsafeRawPointer(values + start).loadUnaligned(as: SIMD16<Scalar>.self)
  }
  return (whole..<count).reduce(lanes.sum()) { $0 + values[$1] }
}
