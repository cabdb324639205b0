import CPLBounds
import CPLReference
import Synchronization

extension LayerSpecification {
  fileprivate var isPotential: Bool { powerVectorShape != nil }

  fileprivate var isConvolution: Bool {
    value is ConvolutionKind
  }
}

/// 2·ReLU in place of ReLU: the descent is twice as large.
struct DoubledActivation: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    output.scale(by: 2)
    output.add(input, scale: -1)
    return (output, cache)
  }
}

/// A step that is longer than the one that the layer states.
struct LongerStep: LayerFault {
  let factor: Double

  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var longer = layer
    if var potential = layer as? any ConvexPotentialLayer<Scalar> {
      potential.stepSize *= Scalar(factor)
      longer = potential
    }
    return longer.forward(input, recording: recording, workers: workers)
  }
}

/// |·| in place of ReLU, which is not monotone: |t| = relu(t) + relu(−t), and the second half is the
/// descent of the layer with −W and −b.
struct NonMonotoneActivation: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var mirrored = layer
    mirrored.updateParameters { _, value in value.scale(by: -1) }
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    // The mirrored descent is −Wᵀrelu(−Wx − b).
    output.add(input, scale: 1)
    output.add(
      mirrored.forward(input, recording: .nothing, workers: workers).output, scale: -1)
    return (output, cache)
  }
}

/// A transposed convolution whose padding is off by one: its output is one pixel to the right.
struct ShiftedTranspose: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isConvolution }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (right, cache) = layer.forward(input, recording: recording, workers: workers)
    var descent = input
    descent.add(right, scale: -1)
    var elements = [0] + descent.elements.dropLast()
    for first in stride(from: 0, to: elements.count, by: layer.inputShape[2]) {
      elements[first] = 0
    }
    var output = input
    output.add(Tensor(shape: input.shape, elements: elements), scale: -1)
    return (output, cache)
  }
}

/// Another kernel in the second product than in the first, off by a hundredth.
struct UnsharedKernel: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (right, cache) = layer.forward(input, recording: recording, workers: workers)
    guard let potential = layer as? any ConvexPotentialLayer<Scalar> else { return (right, cache) }
    var other = potential
    other.updateParameters { index, value in
      guard index == 0 else { return }
      let altered = value.elements.enumerated().map { $0 % 2 == 0 ? 1.01 * $1 : $1 }
      value = Tensor(shape: value.shape, elements: altered)
    }
    let (analysis, synthesis, bias) = (
      potential.linearMap, other.linearMap, layer.parameters[1].value
    )
    let descents = Tensor(
      joining: (0..<input.shape[0]).map { image in
        var hidden = analysis.apply(
          input.slice(image..<image + 1).reshaped(analysis.inputShape))
        let unitsPerBias = hidden.count / bias.count
        for index in 0..<hidden.count {
          hidden.elements[index] = max(
            0, hidden.elements[index] + bias.elements[index / unitsPerBias])
        }
        return synthesis.applyTransposed(hidden).reshaped([1] + layer.inputShape)
      })
    var output = input
    output.add(descents, scale: -potential.stepSize)
    return (output, cache)
  }
}

/// The forward pass multiplied by a number.
struct ScaledOutput: LayerFault {
  let factor: Double
  let kind: @Sendable (LayerSpecification) -> Bool

  func concerns(_ specification: LayerSpecification) -> Bool { kind(specification) }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    output.scale(by: Scalar(factor))
    return (output, cache)
  }

  /// A window of s×s pixels divided by s − 1.
  static let poolingByOneLess = ScaledOutput(factor: 4.0 / 3) {
    ($0.value as? NormPoolKind)?.window == 4
  }

  /// Copies that are not divided by the root of their number.
  static let cloneWithoutRoot = ScaledOutput(factor: 2.0.squareRoot()) {
    ($0.value as? PaddingKind)?.padding == .clone
  }
}

/// A last layer that uses its rows as they are stored.
struct UnnormalisedRows: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is LastLayerNormalisedKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    guard let head = layer as? LastLayerNormalised<Scalar> else { return (output, cache) }
    let (norms, bias) = (head.normalized.norms, head.bias.elements)
    let logits = output.elements.enumerated().map { index, logit in
      let label = index % head.classes
      return norms[label] * (logit - bias[label]) + bias[label]
    }
    output = Tensor(shape: output.shape, elements: logits)
    return (output, cache)
  }
}

/// A convolution whose power method pads by wrapping round.
struct CircularPowerMethod: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isConvolution }

  func linearMap<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> any LinearMap<Scalar> {
    CircularConvolution(
      kernel: layer.parameters[0].value, height: layer.inputShape[1], width: layer.inputShape[2])
  }
}

/// A convolution on the torus of the image's height and width: the image is extended by wrapping round, convolved
/// with zeros beyond that, and cut.
private struct CircularConvolution<Scalar: TensorScalar>: LinearMap {
  private let extended: Convolution<Scalar>
  private let height: Int
  private let width: Int
  private let border: Int
  private let pixels: [(source: Int, isInside: Bool)]
  let inputShape: [Int]
  let outputShape: [Int]

  init(kernel: Tensor<Scalar>, height: Int, width: Int) {
    self.height = height
    self.width = width
    border = kernel.shape[3] / 2
    pixels = Self.pixels(height: height, width: width, border: kernel.shape[3] / 2)
    extended = Convolution(
      kernel: kernel, height: height + 2 * border, width: width + 2 * border)
    inputShape = [kernel.shape[1], height, width]
    outputShape = [kernel.shape[0], height, width]
  }

  /// For each pixel of the extended image's plane the one that it repeats, and whether it lies in the
  /// border.
  private static func pixels(
    height: Int, width: Int, border: Int
  ) -> [(source: Int, isInside: Bool)] {
    let wide = width + 2 * border
    return (0..<(height + 2 * border) * wide).map { index in
      let (i, j) = (index / wide - border, index % wide - border)
      return (
        (i + height) % height * width + (j + width) % width,
        (0..<height).contains(i) && (0..<width).contains(j)
      )
    }
  }

  private func extend(_ x: Tensor<Scalar>, wraps: Bool) -> Tensor<Scalar> {
    let planes = x.shape[0]
    return Tensor(shape: [planes, height + 2 * border, width + 2 * border]) { result in
      x.withUnsafeElements { x in
        for plane in 0..<planes {
          for (index, pixel) in pixels.enumerated() {
            result[plane * pixels.count + index] =
              wraps || pixel.isInside ? x[plane * height * width + pixel.source] : 0
          }
        }
      }
    }
  }

  private func cut(_ x: Tensor<Scalar>, wraps: Bool) -> Tensor<Scalar> {
    let planes = x.shape[0]
    var result = Tensor<Scalar>(shape: [planes, height, width])
    result.withUnsafeMutableElements { result in
      x.withUnsafeElements { x in
        for plane in 0..<planes {
          for (index, pixel) in pixels.enumerated() where wraps || pixel.isInside {
            result[plane * height * width + pixel.source] += x[plane * pixels.count + index]
          }
        }
      }
    }
    return result
  }

  func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    cut(extended.apply(extend(x, wraps: true)), wraps: false)
  }

  func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    cut(extended.applyTransposed(extend(v, wraps: false)), wraps: true)
  }

  func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    extended.weightGradient(input: extend(x, wraps: true), output: extend(v, wraps: false))
  }
}

/// An upper bound from the torus of the image's own height and width.
struct SmallTorusBound: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isConvolution }

  func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? {
    guard let right = try layer.bounded.spectralNorm() else { return nil }
    return SpectralNormEnclosure(
      lowerBound: right.lowerBound,
      upperBound: try TorusBound.circularNormUpperBound(
        kernel: layer.parameters[0].value.converted(), torusHeight: layer.inputShape[1],
        torusWidth: layer.inputShape[2]),
      estimate: right.estimate, method: right.method)
  }
}

/// The power method's value, a lower bound, in place of the upper bound.
struct LowerBoundAsUpper: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? {
    guard let right = try layer.bounded.spectralNorm(),
      let potential = layer as? any ConvexPotentialLayer<Scalar>
    else { return nil }
    let power = PowerMethod(
      potential.linearMap,
      from: CPLNetwork<Scalar>.randomUnitVector(
        shape: potential.linearMap.inputShape, seed: 0, stream: 0), iterations: 20)
    return SpectralNormEnclosure(
      lowerBound: right.lowerBound, upperBound: Double(power.estimate), estimate: right.estimate,
      method: right.method)
  }
}

/// A Lipschitz constant that is claimed and not the layer's.
struct ClaimedConstant: LayerFault {
  let kind: @Sendable (LayerSpecification) -> Bool
  let claim: @Sendable (Double) -> Double

  func concerns(_ specification: LayerSpecification) -> Bool { kind(specification) }

  func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    claim(try layer.bounded.lipschitzUpperBound(spectralNorm))
  }

  static let forgottenDeviation = ClaimedConstant(
    kind: { $0.value is NormalizeKind }, claim: { _ in 1 })

  /// What a head's margins have the constant √2 times of.
  static let forgottenRoot = ClaimedConstant(
    kind: { $0.value is PoolingLinearKind },
    claim: { $0 / 2.0.squareRoot() })
}

/// Binary32 where binary64 is claimed.
struct NarrowEvaluation: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (output, cache) = layer.forward(input, recording: recording, workers: workers)
    return (output.converted(to: Float.self).converted(), cache)
  }
}

/// A backward pass without the gradient of the bias.
struct ForgottenBiasGradient: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func backward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    var (input, gradient) = layer.backward(outputGradient, cache, workers: workers)
    gradient.parameters[1] = Tensor(shape: gradient.parameters[1].shape)
    return (input, gradient)
  }
}

/// A network whose gradient with respect to its images is zero, as attacks see it.
struct ZeroGradient: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is NormalizeKind
  }

  func inputGradient<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> Tensor<Scalar> {
    Tensor(shape: outputGradient.shape)
  }
}

/// Evaluating runs the power method on: u is another after each forward pass.
final class MutatingEvaluation: LayerFault {
  private let evaluations = Atomic<Int>(0)

  func concerns(_ specification: LayerSpecification) -> Bool { specification.isPotential }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    evaluations.wrappingAdd(1, ordering: .relaxed)
    return layer.forward(input, recording: recording, workers: workers)
  }

  func powerVector<Scalar: TensorScalar>(
    _ layer: any ConvexPotentialLayer<Scalar>
  ) -> Tensor<Scalar> {
    var vector = layer.powerVector
    let count = evaluations.load(ordering: .relaxed)
    if count > 0 { vector.scale(by: 1 + Scalar(count % 1000) * 1e-4) }
    return vector
  }
}

/// The constants of a normalised last layer's margins, wrong.
struct WrongMargins: LayerFault {
  enum Rule { case vectorMap, one }
  let rule: Rule

  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is LastLayerNormalisedKind
  }

  /// Without rows the head counts as a 1-Lipschitz vector map, whose margins have the constant √2;
  /// rows along different axes, divided by √2, are 1 apart.
  func unitRows<Scalar: TensorScalar>(
    _ head: any ClassificationHead<Scalar>
  ) -> Tensor<Scalar>? {
    guard rule == .one else { return nil }
    let classes = head.outputShape[0]
    var rows = Tensor<Scalar>(shape: [classes, classes])
    for label in 0..<classes {
      rows.elements[label * (classes + 1)] = Scalar(0.5).squareRoot()
    }
    return rows
  }

  func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }
}
