// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// An SLL layer whose W is a zero-padded convolution, with its sizes.
package struct SLLConvolutionKind: ConvexPotentialKind {
  package static let codingName = "sllConvolution"
  package static let name = "sll-convolution"
  package static let isCounted = true

  package let image: ImageShape
  /// The number of hidden channels.
  package let inner: Int
  /// k, odd.
  package let kernel: Int
  /// What q is.
  package var weighting = SLLWeighting.exponential
  /// ε of q = |q̃| + ε.
  package var regularization = SLLWeighting.regularization

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64,
      regularization > 0, regularization <= 1
    else { return nil }
    return (image.extents, image.extents)
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("kernel", [inner, image.channels, kernel, kernel]), ("bias", [inner]), ("q", [inner])]
  }

  package var summary: String {
    let q =
      switch weighting {
      case .exponential: ""
      case .constant: ", q without effect"
      case .magnitude: ", of |q|"
      }
    return "SLL convolution \(kernel)×\(kernel) inner \(inner)\(q)"
  }

  package static let isNonexpansive = true
  package static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.inner: 4, .kernel: 3]),
      LayerSample([2, 4, 4], [.inner: 1, .kernel: 1]),
    ]
  }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    SLLLayer(
      CPLConvolution(
        name: name, kernel: parameters[0], bias: parameters[1], height: image.height,
        width: image.width, stepRule: .fixed, stepSize: 2, powerVector: Tensor(shape: [0])),
      LayerSpecification(self), weights: parameters[0], bias: parameters[1],
      logarithms: parameters[2], weighting: weighting,
      regularization: isRegularized ? regularization : 0)
  }
}

extension SLLConvolutionKind {
  private enum Field: String, CodingKey {
    /// False for a constant q.
    case isRescaled = "rescaled"
    /// Of a q that is neither constant nor exponential.
    case weighting
    /// Of such a q, where it is not the published one.
    case regularization
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.channels))
    inner = try fields.value(.inner)
    kernel = try fields.value(.kernel)
    let own = try decoder.container(keyedBy: Field.self)
    let isRescaled = try own.decodeIfPresent(Bool.self, forKey: .isRescaled) ?? true
    weighting =
      isRescaled
      ? try own.decodeIfPresent(SLLWeighting.self, forKey: .weighting) ?? .exponential : .constant
    regularization =
      try own.decodeIfPresent(Double.self, forKey: .regularization) ?? SLLWeighting.regularization
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(image.channels, forKey: .channels)
    try fields.encode(inner, forKey: .inner)
    try fields.encode(kernel, forKey: .kernel)
    var own = encoder.container(keyedBy: Field.self)
    switch weighting {
    case .exponential: break
    case .constant: try own.encode(false, forKey: .isRescaled)
    case .magnitude:
      try own.encode(weighting, forKey: .weighting)
      if regularization != SLLWeighting.regularization {
        try own.encode(regularization, forKey: .regularization)
      }
    }
    try fields.encode(sidesOf: image)
  }
}

/// An SLL layer whose W is a matrix, with its sizes.
package struct SLLLinearKind: ConvexPotentialKind {
  package static let codingName = "sllLinear"
  package static let name = "sll-linear"
  package static let isCounted = true

  package let features: Int
  /// The number of hidden units.
  package let inner: Int

  package var shapes: (input: [Int], output: [Int])? {
    arePossible(features, inner) ? ([features], [features]) : nil
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, features]), ("bias", [inner]), ("q", [inner])]
  }

  package var summary: String { "SLL linear inner \(inner)" }

  package static let isNonexpansive = true
  package static var samples: [LayerSample] {
    [LayerSample([9], [.inner: 5]), LayerSample([7], [.inner: 1])]
  }

  package static let faults = [
    PlantedLayerFault(
      "sll-epsilon", "the scaling of SLL's first release, which divides by |q| + 1e-6",
      ["layer.nonexpansive"]
    ) { SLLEpsilon() }
  ]

  package func makeLayer<Scalar: TensorScalar>(
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

extension SLLConvolutionKind {
  package static let recipePart: RecipePart? = .convolution(of: "sll")

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    inner = try options.integer(.inner)
    kernel = try options.integer(.kernel, default: 3)
  }

  package static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.inner: .integer(channels), .kernel: .integer(kernel)]
  }

  package var publishedParameterShapes: [(name: String, shape: [Int])] {
    [("kernel", parameterShapes[0].shape), ("bias", [1, inner, 1, 1]), ("q", [inner])]
  }

  /// The published code pads by one pixel, whatever the kernel: it is of 3×3 taps, or of one.
  package static func published(_ shapes: [String: [Int]]) -> PublishedLayer? {
    guard Set(shapes.keys) == ["kernel", "bias", "q"], let kernel = shapes["kernel"],
      kernel.count == 4, kernel[3] == 3 || kernel[3] == 1
    else { return nil }
    return PublishedLayer(inputs: kernel[1], hidden: kernel[0], kernel: kernel[3])
  }

  /// The published code multiplies and divides by the same q: it cancels.
  package var asPublished: SLLConvolutionKind {
    var kind = self
    kind.weighting = .constant
    return kind
  }
}

extension SLLLinearKind {
  package static let recipePart: RecipePart? = .dense(of: "sll")

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    features = try input.asFeatures()
    inner = try options.integer(.inner)
  }

  package var publishedParameterShapes: [(name: String, shape: [Int])] {
    [("weight", [inner, features]), ("bias", [1, inner]), ("q", [inner])]
  }

  package static func published(_ shapes: [String: [Int]]) -> PublishedLayer? {
    guard Set(shapes.keys) == ["weight", "bias", "q"], let weight = shapes["weight"],
      weight.count == 2
    else { return nil }
    return PublishedLayer(inputs: weight[1], hidden: weight[0])
  }
}

extension LayerSpecification {
  package static func sllConvolution(
    image: ImageShape, inner: Int, kernel: Int
  ) -> LayerSpecification {
    .init(SLLConvolutionKind(image: image, inner: inner, kernel: kernel))
  }

  package static func sllLinear(features: Int, inner: Int) -> LayerSpecification {
    .init(SLLLinearKind(features: features, inner: inner))
  }
}
