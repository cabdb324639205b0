// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `NormPool` with its sizes.
package struct NormPoolKind: LayerKind {
  package static let codingName = "normPool"
  package static let name = "norm-pool"

  /// The shape of the input.
  package let image: ImageShape
  package let window: Int

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(window), image.isTiled(by: window) else { return nil }
    return (image.extents, image.pooled(by: window).extents)
  }

  package var summary: String { "pool \(window)×\(window)" }

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    NormPool(name: name, image: image, window: window)
  }
}

extension NormPoolKind {
  package init(from decoder: any Decoder) throws {
    (image, window) = try decoder.container(keyedBy: LayerField.self).windows()
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(windows: window, of: image)
  }
}

extension NormPoolKind {
  package static var samples: [LayerSample] {
    [LayerSample([2, 4, 6], [.window: 2]), LayerSample([3, 4, 4], [.window: 4])]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    window = try options.integer(.window)
  }
}

extension LayerSpecification {
  package static func normPool(image: ImageShape, window: Int) -> LayerSpecification {
    .init(NormPoolKind(image: image, window: window))
  }
}
