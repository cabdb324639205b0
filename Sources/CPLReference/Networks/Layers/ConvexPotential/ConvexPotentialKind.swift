// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// A kind of convex potential layers.
public protocol ConvexPotentialKind: WeightedKind {}

/// A kind of convex potential layers with a step of their own.
public protocol SteppedKind: ConvexPotentialKind {
  var step: StepSize { get set }

  /// The name in published state dictionaries of a number that nothing uses; nil where there is none.
  static var publishedUnusedNumber: String? { get }
}

extension SteppedKind {
  public static var publishedUnusedNumber: String? { nil }

  /// The name of σ̂ in published state dictionaries.
  public static var publishedSpectralNorm: String { "eval_sv_max" }
}

extension ConvexPotentialKind {
  public static var isCounted: Bool { true }
  public var passes: Int { 2 }
}

extension ConvolutionKind {
  public static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.inner: 4, .kernel: 3]),
      LayerSample([2, 5, 5], [.inner: 3, .kernel: 5]),
      LayerSample([2, 4, 4], [.inner: 1, .kernel: 1]),
      LayerSample([3, 5, 6], [.inner: 4, .kernel: 3, .padding: "circular"]),
    ]
  }

  public static let recipePart: RecipePart? = .convolution(of: ModelRecipe.standard)

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    inner = try options.integer(.inner)
    kernel = try options.integer(.kernel, default: 3)
    step = try StepSize(&options)
    padding = try options.choice(.padding, default: .zero)
  }

  public static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.inner: .integer(channels), .kernel: .integer(kernel)]
  }

  public var publishedBufferShapes: [(name: String, shape: [Int])] {
    [("pm.u", [1] + image.extents)]
  }
}

extension LinearKind {
  public static var samples: [LayerSample] {
    [LayerSample([9], [.inner: 5]), LayerSample([7], [.inner: 1, .stepNumerator: 1])]
  }

  public static let recipePart: RecipePart? = .dense(of: ModelRecipe.standard)

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    inner = try options.integer(.inner)
    step = try StepSize(&options)
  }

  public var publishedBufferShapes: [(name: String, shape: [Int])] { [("pm.u", [1, features])] }
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
public struct ConvolutionKind: SteppedKind {
  public static let codingName = "convolution"
  public static let name = "convolution"

  public let image: ImageShape
  /// The number of hidden channels.
  public let inner: Int
  /// k, odd.
  public let kernel: Int
  public var step: StepSize
  public var padding = ConvolutionPadding.zero

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64,
      step.isPossible, padding == .zero || kernel / 2 <= min(image.height, image.width)
    else { return nil }
    return (image.extents, image.extents)
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("kernel", [inner, image.channels, kernel, kernel]), ("bias", [inner])]
  }

  public var bufferShapes: [(name: String, shape: [Int])] { [("u", image.extents)] }

  public var summary: String {
    "convolution \(kernel)×\(kernel) inner \(inner)\(padding == .circular ? ", circular" : "")"
  }

  public func makeLayer<Scalar: TensorScalar>(
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
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.channels))
    inner = try fields.value(.inner)
    kernel = try fields.value(.kernel)
    step = try fields.value(.step)
    padding = try fields.decodeIfPresent(ConvolutionPadding.self, forKey: .padding) ?? .zero
  }

  public func encode(to encoder: any Encoder) throws {
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
public struct LinearKind: SteppedKind {
  public static let codingName = "linear"
  public static let publishedUnusedNumber: String? = "alpha"
  public static let name = "linear"

  public let features: Int
  /// The number of hidden units.
  public let inner: Int
  public var step: StepSize

  public var shapes: (input: [Int], output: [Int])? {
    arePossible(features, inner) && step.isPossible ? ([features], [features]) : nil
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, features]), ("bias", [inner])]
  }

  public var bufferShapes: [(name: String, shape: [Int])] { [("u", [features])] }

  public var summary: String { "linear inner \(inner)" }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    CPLLinear(
      name: name, weights: parameters[0], bias: parameters[1], stepRule: step.rule,
      stepSize: Scalar(step.value), powerVector: buffers[0]
    ).with(step)
  }
}

extension LayerSpecification {
  public static func convolution(
    image: ImageShape, inner: Int, kernel: Int, step: StepSize, padding: ConvolutionPadding = .zero
  ) -> LayerSpecification {
    .init(ConvolutionKind(image: image, inner: inner, kernel: kernel, step: step, padding: padding))
  }

  public static func linear(features: Int, inner: Int, step: StepSize) -> LayerSpecification {
    .init(LinearKind(features: features, inner: inner, step: step))
  }
}
