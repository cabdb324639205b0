// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `Normalize` with its means and deviations.
package struct NormalizeKind: LayerKind {
  package static let codingName = "normalize"
  package static let name = "normalize"
  package static let place = LayerPlace.first

  package let mean: [Float]
  package let standardDeviation: [Float]
  package let image: ImageShape

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), mean.count == image.channels,
      standardDeviation.count == image.channels, mean.allSatisfy(\.isFinite),
      standardDeviation.allSatisfy({ $0.isFinite && $0.isNormal && $0 > 0 })
    else { return nil }
    return (image.extents, image.extents)
  }

  package var summary: String { "images \(image) − \(mean), / \(standardDeviation)" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    Normalize(name: name, mean: mean, standardDeviation: standardDeviation, image: image)
  }
}

extension NormalizeKind {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    mean = try fields.value(.mean)
    standardDeviation = try fields.value(.standardDeviation)
    image = try fields.image(channels: mean.count)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(mean, forKey: .mean)
    try fields.encode(standardDeviation, forKey: .standardDeviation)
    try fields.encode(sidesOf: image)
  }
}

extension NormalizeKind {
  package static var samples: [LayerSample] {
    [
      LayerSample([], [.channels: 3, .height: 4, .width: 5]),
      LayerSample([], [.channels: 1, .side: 3]),
    ]
  }

  /// The layer for images with a mean of 0 and a deviation of 1.
  package init(following input: [Int], _ options: inout LayerOptions) throws {
    let channels = try options.integer(.channels)
    let side = try options.optionalInteger(.side)
    image = ImageShape(
      channels: channels, height: try side ?? options.integer(.height),
      width: try side ?? options.integer(.width))
    // As many numbers as an image can have channels.
    mean = Array(repeating: 0, count: min(max(channels, 0), 1 << 20))
    standardDeviation = mean.map { _ in 1 }
  }
}

extension LayerSpecification {
  package static func normalize(
    mean: [Float], standardDeviation: [Float], image: ImageShape
  ) -> LayerSpecification {
    .init(NormalizeKind(mean: mean, standardDeviation: standardDeviation, image: image))
  }
}
