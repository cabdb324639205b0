// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `MaxPool` with its sizes.
package struct MaxPoolKind: LayerKind {
  package static let codingName = "maxPool"
  package static let name = "max-pool"
  package static let isCounted = true
  package static let isNonexpansive = true

  /// The shape of the input.
  package let image: ImageShape
  package let window: Int

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(window), image.isTiled(by: window) else { return nil }
    return (image.extents, image.pooled(by: window).extents)
  }

  package var summary: String { "maxima of \(window)×\(window)" }

  package static var samples: [LayerSample] {
    [LayerSample([2, 4, 6], [.window: 2]), LayerSample([3, 3, 3], [.window: 3])]
  }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    MaxPool(name: name, image: image, window: window)
  }
}

extension MaxPoolKind {
  package init(from decoder: any Decoder) throws {
    (image, window) = try decoder.container(keyedBy: LayerField.self).windows()
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(windows: window, of: image)
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    window = try options.integer(.window)
  }
}

extension LayerSpecification {
  package static func maxPool(image: ImageShape, window: Int) -> LayerSpecification {
    .init(MaxPoolKind(image: image, window: window))
  }
}
