// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `NormPool` with its sizes.
public struct NormPoolKind: LayerKind {
  public static let codingName = "normPool"
  public static let name = "norm-pool"

  /// The shape of the input.
  public let image: ImageShape
  public let window: Int

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(window), image.isTiled(by: window) else { return nil }
    return (image.extents, image.pooled(by: window).extents)
  }

  public var summary: String { "pool \(window)×\(window)" }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    NormPool(name: name, image: image, window: window)
  }
}

extension NormPoolKind {
  public init(from decoder: any Decoder) throws {
    (image, window) = try decoder.container(keyedBy: LayerField.self).windows()
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(windows: window, of: image)
  }
}

extension NormPoolKind {
  public static var samples: [LayerSample] {
    [LayerSample([2, 4, 6], [.window: 2]), LayerSample([3, 4, 4], [.window: 4])]
  }

  public init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    window = try options.integer(.window)
  }
}

extension LayerSpecification {
  public static func normPool(image: ImageShape, window: Int) -> LayerSpecification {
    .init(NormPoolKind(image: image, window: window))
  }
}
