// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport

/// Layers of every kind.
enum SampleLayers {
  /// Layers so small that every derivative can be taken by differences.
  static func tiny<Scalar: TensorScalar>() -> [any Layer<Scalar>] {
    layers(height: 4, width: 6, channels: 4, inner: 3, features: 9, units: 7)
  }

  /// Layers large enough to be cut into several pieces of work, and to fill the kernels' vectors
  /// and leave some over.
  static func large<Scalar: TensorScalar>() -> [any Layer<Scalar>] {
    layers(height: 20, width: 36, channels: 6, inner: 5, features: 301, units: 530)
  }

  private static func layers<Scalar: TensorScalar>(
    height: Int, width: Int, channels: Int, inner: Int, features: Int, units: Int
  ) -> [any Layer<Scalar>] {
    let image = ImageShape(channels: channels, height: height, width: width)
    return [
      Normalize(
        name: "normalize", mean: (0..<channels).map { 0.4 + 0.1 * Float($0) },
        standardDeviation: (0..<channels).map { 0.25 + 0.1 * Float($0) }, image: image),
      PaddingChannels(
        name: "padding zero", padding: .zero, image: image.with(channels: 3), channels: channels),
      PaddingChannels(
        name: "padding clone", padding: .clone, image: image.with(channels: 2), channels: 6),
      convolution(image, inner: inner, kernel: 3),
      convolution(image.with(channels: 2), inner: 3, kernel: 1),
      convolution(image.with(channels: 2), inner: 2, kernel: 5),
      NormPool(name: "norm-pool", image: image, window: 2),
      Flatten(name: "flatten", image: image),
      CPLLinear(
        name: "linear", weights: scaled([units, features], stream: 61),
        bias: .normal([units], stream: 62), stepRule: .power, stepSize: 0.7,
        powerVector: .normal([features], stream: 63)),
      LastLayerNormalised(
        name: "last-layer-normalised", weights: .normal([5, features], stream: 64),
        bias: .normal([5], stream: 65)),
      PoolingLinear(name: "pooling trunc", pooling: .truncate, features: features, classes: 4),
      PoolingLinear(name: "pooling mean", pooling: .mean, features: features, classes: 4),
      PoolingLinear(name: "pooling max", pooling: .max, features: features, classes: 4),
    ]
  }

  private static func convolution<Scalar: TensorScalar>(
    _ image: ImageShape, inner: Int, kernel: Int
  ) -> CPLConvolution<Scalar> {
    CPLConvolution(
      name: "convolution \(kernel)×\(kernel)",
      kernel: scaled([inner, image.channels, kernel, kernel], stream: 66),
      bias: .normal([inner], stream: 67), height: image.height, width: image.width,
      stepRule: .power, stepSize: 0.9, powerVector: .normal(image.extents, stream: 68))
  }

  /// Normal numbers divided by √fan_in, so that a layer's values stay of scale 1.
  private static func scaled<Scalar: TensorScalar>(
    _ shape: [Int], stream: UInt32
  ) -> Tensor<Scalar> {
    var tensor = Tensor<Scalar>.normal(shape, stream: stream)
    tensor.scale(by: 1 / Scalar(shape.dropFirst().reduce(1, *)).squareRoot())
    return tensor
  }
}

extension Layer {
  /// A batch of inputs.
  func sampleInput(_ batch: Int, stream: UInt32 = 70) -> Tensor<Scalar> {
    .normal([batch] + inputShape, stream: stream)
  }

  /// A gradient with respect to a batch of outputs.
  func sampleGradient(_ batch: Int, stream: UInt32 = 71) -> Tensor<Scalar> {
    .normal([batch] + outputShape, stream: stream)
  }
}
