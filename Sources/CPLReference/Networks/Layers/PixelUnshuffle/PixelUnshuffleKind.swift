// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `PixelUnshuffle` with its sizes.
package struct PixelUnshuffleKind: LayerKind {
  package static let codingName = "pixelUnshuffle"
  package static let name = "pixel-unshuffle"
  package static let isCounted = true
  package static let isNonexpansive = true

  /// The shape of the input.
  package let image: ImageShape
  package let window: Int

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(window), image.isTiled(by: window),
      arePossible(image.channels * window * window)
    else { return nil }
    let pooled = image.pooled(by: window)
    return (image.extents, pooled.with(channels: image.channels * window * window).extents)
  }

  package var summary: String { "windows \(window)×\(window) as channels" }

  package static var samples: [LayerSample] {
    [LayerSample([2, 4, 6], [.window: 2]), LayerSample([1, 3, 3], [.window: 3])]
  }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    PixelUnshuffle(name: name, image: image, window: window)
  }
}

extension PixelUnshuffleKind {
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
  package static func pixelUnshuffle(image: ImageShape, window: Int) -> LayerSpecification {
    .init(PixelUnshuffleKind(image: image, window: window))
  }
}
