// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// `PixelUnshuffle` with its sizes.
public struct PixelUnshuffleKind: LayerKind {
  public static let codingName = "pixelUnshuffle"
  public static let name = "pixel-unshuffle"
  public static let isCounted = true
  public static let isNonexpansive = true

  /// The shape of the input.
  public let image: ImageShape
  public let window: Int

  public var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(window), image.isTiled(by: window),
      arePossible(image.channels * window * window)
    else { return nil }
    let pooled = image.pooled(by: window)
    return (image.extents, pooled.with(channels: image.channels * window * window).extents)
  }

  public var summary: String { "windows \(window)×\(window) as channels" }

  public static var samples: [LayerSample] {
    [LayerSample([2, 4, 6], [.window: 2]), LayerSample([1, 3, 3], [.window: 3])]
  }

  public func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    PixelUnshuffle(name: name, image: image, window: window)
  }
}

extension PixelUnshuffleKind {
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
  public static func pixelUnshuffle(image: ImageShape, window: Int) -> LayerSpecification {
    .init(PixelUnshuffleKind(image: image, window: window))
  }
}
