// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// A kind of convex potential layers.
package protocol ConvexPotentialKind: WeightedKind {}

/// A kind of convex potential layers with a step of their own.
package protocol SteppedKind: ConvexPotentialKind {
  var step: StepSize { get set }

  /// The name in published state dictionaries of a number that nothing uses; nil where there is none.
  static var publishedUnusedNumber: String? { get }
}

extension SteppedKind {
  package static var publishedUnusedNumber: String? { nil }

  /// The name of σ̂ in published state dictionaries.
  package static var publishedSpectralNorm: String { "eval_sv_max" }
}

extension ConvexPotentialKind {
  package static var isCounted: Bool { true }
  package var passes: Int { 2 }
}

extension ConvolutionKind {
  package static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.inner: 4, .kernel: 3]),
      LayerSample([2, 5, 5], [.inner: 3, .kernel: 5]),
      LayerSample([2, 4, 4], [.inner: 1, .kernel: 1]),
      LayerSample([3, 5, 6], [.inner: 4, .kernel: 3, .padding: "circular"]),
    ]
  }

  package static let recipePart: RecipePart? = .convolution(of: ModelRecipe.standard)

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    inner = try options.integer(.inner)
    kernel = try options.integer(.kernel, default: 3)
    step = try StepSize(&options)
    padding = try options.choice(.padding, default: .zero)
  }

  package static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.inner: .integer(channels), .kernel: .integer(kernel)]
  }

  package var publishedBufferShapes: [(name: String, shape: [Int])] {
    [("pm.u", [1] + image.extents)]
  }
}

extension LinearKind {
  package static var samples: [LayerSample] {
    [LayerSample([9], [.inner: 5]), LayerSample([7], [.inner: 1, .stepNumerator: 1])]
  }

  package static let recipePart: RecipePart? = .dense(of: ModelRecipe.standard)

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    inner = try options.integer(.inner)
    step = try StepSize(&options)
  }

  package var publishedBufferShapes: [(name: String, shape: [Int])] { [("pm.u", [1, features])] }
}

extension StepSize {
  /// A step that is unknown until the power method has run.
  fileprivate init(_ options: inout LayerOptions) throws {
    self.init(
      rule: .power, value: 0, numerator: try options.number(.stepNumerator, default: 2))
  }
}

extension LayerSpecification {
  /// The same convex potential layer with another step; any other layer as it is.
  package func with(_ step: StepSize) -> LayerSpecification {
    guard var kind = value as? any SteppedKind else { return self }
    kind.step = step
    return LayerSpecification(kind)
  }
}

extension StepSize {
  /// Whether the step is a number that a layer can use.
  fileprivate var isPossible: Bool {
    value.isFinite && value >= 0 && numerator > 0 && numerator <= 1000
      && regularization > 0 && regularization <= 1
  }
}

extension SteppedLayer {
  /// The layer with a step's c and ε.
  fileprivate func with(_ step: StepSize) -> Self {
    var layer = self
    layer.stepNumerator = Scalar(step.numerator)
    layer.stepRegularization = step.regularization
    return layer
  }
}

/// `CPLConvolution`, or `CircularCPLConvolution`, with its sizes and its step.
package struct ConvolutionKind: SteppedKind {
  package static let codingName = "convolution"
  package static let name = "convolution"

  package let image: ImageShape
  /// The number of hidden channels.
  package let inner: Int
  /// k, odd.
  package let kernel: Int
  package var step: StepSize
  package var padding = ConvolutionPadding.zero

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64,
      step.isPossible, padding == .zero || kernel / 2 <= min(image.height, image.width)
    else { return nil }
    return (image.extents, image.extents)
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("kernel", [inner, image.channels, kernel, kernel]), ("bias", [inner])]
  }

  package var bufferShapes: [(name: String, shape: [Int])] { [("u", image.extents)] }

  package var summary: String {
    "convolution \(kernel)×\(kernel) inner \(inner)\(padding == .circular ? ", circular" : "")"
  }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    switch padding {
    case .zero:
      return CPLConvolution(
        name: name, kernel: parameters[0], bias: parameters[1], height: image.height,
        width: image.width, stepRule: step.rule, stepSize: Scalar(step.value),
        powerVector: buffers[0]
      ).with(step)
    case .circular:
      return CircularCPLConvolution(
        name: name, kernel: parameters[0], bias: parameters[1], image: image,
        stepRule: step.rule, stepSize: Scalar(step.value), powerVector: buffers[0]
      ).with(step)
    }
  }
}

extension ConvolutionKind {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.channels))
    inner = try fields.value(.inner)
    kernel = try fields.value(.kernel)
    step = try fields.value(.step)
    padding = try fields.decodeIfPresent(ConvolutionPadding.self, forKey: .padding) ?? .zero
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(image.channels, forKey: .channels)
    try fields.encode(inner, forKey: .inner)
    try fields.encode(kernel, forKey: .kernel)
    try fields.encode(step, forKey: .step)
    // Descriptions of others, and with them their digests, are what they were before there were these.
    if padding != .zero { try fields.encode(padding, forKey: .padding) }
    try fields.encode(sidesOf: image)
  }
}

/// `CPLLinear` with its sizes and its step.
package struct LinearKind: SteppedKind {
  package static let codingName = "linear"
  package static let publishedUnusedNumber: String? = "alpha"
  package static let name = "linear"

  package let features: Int
  /// The number of hidden units.
  package let inner: Int
  package var step: StepSize

  package var shapes: (input: [Int], output: [Int])? {
    arePossible(features, inner) && step.isPossible ? ([features], [features]) : nil
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, features]), ("bias", [inner])]
  }

  package var bufferShapes: [(name: String, shape: [Int])] { [("u", [features])] }

  package var summary: String { "linear inner \(inner)" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    CPLLinear(
      name: name, weights: parameters[0], bias: parameters[1], stepRule: step.rule,
      stepSize: Scalar(step.value), powerVector: buffers[0]
    ).with(step)
  }
}

extension LayerSpecification {
  package static func convolution(
    image: ImageShape, inner: Int, kernel: Int, step: StepSize, padding: ConvolutionPadding = .zero
  ) -> LayerSpecification {
    .init(ConvolutionKind(image: image, inner: inner, kernel: kernel, step: step, padding: padding))
  }

  package static func linear(features: Int, inner: Int, step: StepSize) -> LayerSpecification {
    .init(LinearKind(features: features, inner: inner, step: step))
  }
}
