// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `MaxPool` with its sizes.
public struct MaxPoolKind: LayerKind {
  public static let codingName = "maxPool"
  public static let name = "max-pool"
  public static let isCounted = true
  public static let isNonexpansive = true

  /// The shape of the input.
  public let image: ImageShape
  public let window: Int

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(window), image.isTiled(by: window) else { return nil }
    return (image.extents, image.pooled(by: window).extents)
  }

  public var summary: String { "maxima of \(window)×\(window)" }

  public static var samples: [LayerSample] {
    [LayerSample([2, 4, 6], [.window: 2]), LayerSample([3, 3, 3], [.window: 3])]
  }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    MaxPool(name: name, image: image, window: window)
  }
}

extension MaxPoolKind {
  public init(from decoder: any Decoder) throws {
    (image, window) = try decoder.container(keyedBy: LayerField.self).windows()
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(windows: window, of: image)
  }

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    window = try options.integer(.window)
  }
}

extension LayerSpecification {
  public static func maxPool(image: ImageShape, window: Int) -> LayerSpecification {
    .init(MaxPoolKind(image: image, window: window))
  }
}
