// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// Layers without a power method, next to PyTorch.
@Suite("Layers without a power method next to PyTorch")
struct PlainLayerParityTests {
  /// Holds output and input gradient to the fixture's group.
  private func check<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ group: String
  ) throws {
    let bounds = ParityBounds.of(Scalar.self)
    let (x, g) = (
      try Fixture.input("\(group)/x", as: Scalar.self),
      try Fixture.input("\(group)/g", as: Scalar.self)
    )
    let (output, record) = layer.forward(x, recording: .everything, workers: .serial)
    try expect(output, isRecordedAs: "\(group)/y", within: bounds.outputs)
    let (gradient, parameters) = layer.backward(g, record, workers: .serial)
    try expect(gradient, isRecordedAs: "\(group)/grad_x", within: bounds.gradients)
    for ((name, _), value) in zip(layer.parameters, parameters.parameters) {
      try expect(value, isRecordedAs: "\(group)/grad_\(name)", within: bounds.gradients)
    }
    #expect(parameters.parameters.count == layer.parameters.count)
    let (_, masks) = layer.forward(x, recording: .masks, workers: .serial)
    #expect(layer.inputGradient(g, masks, workers: .serial).bytes == gradient.bytes)
  }

  @Test("the normalised last layer gives PyTorch's values and gradients", arguments: precisions)
  func lastLayerNormalised(_ type: any TensorScalar.Type) throws {
    func run<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let head = LastLayerNormalised<Scalar>(
        name: "head", weights: try Fixture.input("lln/weight"),
        bias: try Fixture.input("lln/bias"))
      try check(head, "lln")
      try expect(
        head.normalized.rows, isRecordedAs: "lln/normalised_weight",
        within: ParityBounds.of(type).outputs)
    }
    try run(type)
  }

  @Test(
    "a pooling head gives PyTorch's values and gradients where classes do not divide features",
    arguments: precisions, [FeaturePooling.truncate, .mean, .max])
  func poolingLinear(_ type: any TensorScalar.Type, pooling: FeaturePooling) throws {
    func run<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      try check(
        PoolingLinear<Scalar>(name: "head", pooling: pooling, features: 20, classes: 6),
        "pooling_\(pooling.rawValue)")
    }
    try run(type)
  }

  @Test(
    "padding channels gives PyTorch's values and gradients", arguments: precisions,
    [ChannelPadding.zero, .clone])
  func paddingChannels(_ type: any TensorScalar.Type, padding: ChannelPadding) throws {
    func run<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      try check(
        PaddingChannels<Scalar>(
          name: "padding", padding: padding, image: [3, 4, 4], channels: 6),
        "padding_\(padding.rawValue)")
    }
    try run(type)
  }

  @Test("pooling with norms kept gives PyTorch's values and gradients", arguments: precisions)
  func normPool(_ type: any TensorScalar.Type) throws {
    func run<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      try check(NormPool<Scalar>(name: "pool", image: [3, 8, 8], window: 4), "normpool")
    }
    try run(type)
  }

  @Test("normalising images gives PyTorch's values and gradients", arguments: precisions)
  func normalize(_ type: any TensorScalar.Type) throws {
    func run<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let mean: Tensor<Float> = try Fixture.input("normalize/mean")
      let deviation: Tensor<Float> = try Fixture.input("normalize/std")
      try check(
        Normalize<Scalar>(
          name: "normalize", mean: mean.elements, standardDeviation: deviation.elements,
          image: [3, 4, 4]),
        "normalize")
    }
    try run(type)
  }
}
