import CPLDatasets
import CPLNumerics

/// An SLL layer whose W is a zero-padded convolution, with its sizes.
public struct SLLConvolutionKind: ConvexPotentialKind {
  public static let codingName = "sllConvolution"
  public static let name = "sll-convolution"
  public static let isCounted = true

  public let image: ImageShape
  /// The number of hidden channels.
  public let inner: Int
  /// k, odd.
  public let kernel: Int

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64 else {
      return nil
    }
    return (image.extents, image.extents)
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("kernel", [inner, image.channels, kernel, kernel]), ("bias", [inner]), ("q", [inner])]
  }

  public var summary: String { "SLL convolution \(kernel)×\(kernel) inner \(inner)" }

  public static var nonexpansiveSamples: [LayerSpecification] {
    [
      .sllConvolution(
        image: ImageShape(channels: 3, height: 6, width: 5), inner: 4, kernel: 3),
      .sllConvolution(
        image: ImageShape(channels: 2, height: 4, width: 4), inner: 1, kernel: 1),
    ]
  }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    SLLLayer(
      CPLConvolution(
        name: name, kernel: parameters[0], bias: parameters[1], height: image.height,
        width: image.width, stepRule: .fixed, stepSize: 2, powerVector: Tensor(shape: [0])),
      LayerSpecification(self), weights: parameters[0], bias: parameters[1],
      logarithms: parameters[2])
  }
}

extension SLLConvolutionKind {
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.channels))
    inner = try fields.value(.inner)
    kernel = try fields.value(.kernel)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(image.channels, forKey: .channels)
    try fields.encode(inner, forKey: .inner)
    try fields.encode(kernel, forKey: .kernel)
    try fields.encode(sidesOf: image)
  }
}

/// An SLL layer whose W is a matrix, with its sizes.
public struct SLLLinearKind: ConvexPotentialKind {
  public static let codingName = "sllLinear"
  public static let name = "sll-linear"
  public static let isCounted = true

  public let features: Int
  /// The number of hidden units.
  public let inner: Int

  public var shapes: (input: [Int], output: [Int])? {
    arePossible(features, inner) ? ([features], [features]) : nil
  }

  public var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, features]), ("bias", [inner]), ("q", [inner])]
  }

  public var summary: String { "SLL linear inner \(inner)" }

  public static var nonexpansiveSamples: [LayerSpecification] {
    [.sllLinear(features: 9, inner: 5), .sllLinear(features: 7, inner: 1)]
  }

  public static let faults = [
    PlantedLayerFault(
      "sll-epsilon", "the scaling of SLL's first release, which divides by |q| + 1e-6",
      ["layer.nonexpansive"]
    ) { SLLEpsilon() }
  ]

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    SLLLayer(
      CPLLinear(
        name: name, weights: parameters[0], bias: parameters[1], stepRule: .fixed, stepSize: 2,
        powerVector: Tensor(shape: [0])),
      LayerSpecification(self), weights: parameters[0], bias: parameters[1],
      logarithms: parameters[2])
  }
}

extension LayerSpecification {
  public static func sllConvolution(
    image: ImageShape, inner: Int, kernel: Int
  ) -> LayerSpecification {
    .init(SLLConvolutionKind(image: image, inner: inner, kernel: kernel))
  }

  public static func sllLinear(features: Int, inner: Int) -> LayerSpecification {
    .init(SLLLinearKind(features: features, inner: inner))
  }
}
