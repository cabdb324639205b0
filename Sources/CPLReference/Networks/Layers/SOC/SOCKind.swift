// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics

/// A skew orthogonal convolution, with its sizes.
package struct SOCKind: WeightedKind {
  package static let codingName = "socConvolution"
  package static let name = "soc-convolution"
  package static let isCounted = true
  package static let family: String? = "soc"

  package let image: ImageShape
  /// The height and width of the kernel, odd.
  package let kernel: Int
  /// k, the last power in Σ_{i ≤ k} Aⁱ/i!: the published code's `train_terms` (5) and `eval_terms` (12).
  package let terms: Int
  /// Whether the filter's skew part is divided by an estimate of its norm; where not, it is executed as it is, as those of
  /// published state dictionaries are, in which the norm is settled otherwise.
  package var isNormalized = true

  package var inner: Int { image.channels }

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(kernel), kernel % 2 == 1, kernel < 64,
      TruncatedExponential.supportedTerms ~= terms
    else { return nil }
    return (image.extents, image.extents)
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("kernel", [image.channels, image.channels, kernel, kernel]), ("bias", [image.channels])]
  }

  package var bufferShapes: [(name: String, shape: [Int])] {
    isNormalized ? [("u", image.extents)] : []
  }

  package var summary: String {
    "SOC \(kernel)×\(kernel), \(terms) terms\(isNormalized ? "" : ", filter as stored")"
  }

  /// One application of A for each power.
  package var passes: Int { terms }

  package static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.kernel: 3, .terms: 4]),
      LayerSample([4, 5, 4], [.kernel: 3, .terms: 12]),
      LayerSample([2, 5, 6], [.kernel: 5, .terms: 5]),
      LayerSample([3, 2, 3], [.kernel: 1, .terms: 8]),
    ]
  }

  package static let faults = [
    PlantedLayerFault(
      "soc-five-terms", "SOC's series ends with k = 5, with the claim of the constant 1",
      ["layer.skew-series"]
    ) { FiveTerms() }
  ]

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    SOCConvolution(
      name: name, filter: parameters[0], bias: parameters[1], height: image.height,
      width: image.width, terms: terms, powerVector: buffers.first)
  }
}

extension SOCKind {
  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    kernel = try options.integer(.kernel, default: 3)
    terms = try options.integer(.terms, default: 12)
  }

  package static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.kernel: .integer(kernel)]
  }
}

extension SOCKind {
  private enum Field: String, CodingKey {
    case isNormalized = "normalized"
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.channels))
    kernel = try fields.value(.kernel)
    terms = try fields.value(.terms)
    isNormalized =
      try decoder.container(keyedBy: Field.self).decodeIfPresent(Bool.self, forKey: .isNormalized)
      ?? true
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(image.channels, forKey: .channels)
    try fields.encode(kernel, forKey: .kernel)
    try fields.encode(terms, forKey: .terms)
    if !isNormalized {
      var own = encoder.container(keyedBy: Field.self)
      try own.encode(false, forKey: .isNormalized)
    }
    try fields.encode(sidesOf: image)
  }
}

extension LayerSpecification {
  /// A skew orthogonal convolution.
  package static func socConvolution(
    image: ImageShape, kernel: Int, terms: Int, isNormalized: Bool = true
  ) -> LayerSpecification {
    .init(SOCKind(image: image, kernel: kernel, terms: terms, isNormalized: isNormalized))
  }
}
