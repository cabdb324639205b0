// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLDevices
import CPLNumerics

/// The second of the two comparisons that a device has to pass: layers of every kind that devices compute, and a
/// network, held against the CPU's outputs and gradients bit by bit.
enum LayerComparison {
  /// What differs, in a sentence; nil where nothing does.
  static func difference<Scalar: TensorScalar>(
    on device: Device, in scalar: Scalar.Type
  ) throws(DeviceError) -> String? {
    for specifications in small + large + [whole] {
      var network = CPLNetwork<Scalar>(specifications, seed: 0)
      for layer in network.steppedLayers { network[stepped: layer].stepSize = 0.75 }
      guard network.layers.allSatisfy({ $0.executedLayer is any DeviceLayer<Scalar> }) else {
        continue
      }
      if let difference = try difference(of: network, on: device) {
        let names = specifications.map(\.value.summary)
        return "\(names.count == 1 ? names[0] : "a network of \(names.count) layers") in "
          + "\(Scalar.formatName): \(difference)"
      }
    }
    return nil
  }

  private static func difference<Scalar>(
    of network: CPLNetwork<Scalar>, on device: Device
  ) throws(DeviceError) -> String? {
    let images = inputs(network.inputShape, of: Scalar.self)
    let onDevice = try DeviceNetwork(network, on: device, workers: .serial)
    let (pass, expected) = (
      try onDevice.record(images), network.record(images, recording: .masks, workers: .serial)
    )
    if let difference = difference("output", pass.logits, expected.logits) { return difference }
    let direction = inputs(Array(pass.logits.shape.dropFirst()), of: Scalar.self)
    return difference(
      "gradient", try onDevice.inputGradient(direction, pass),
      network.inputGradient(direction, expected, workers: .serial))
  }

  private static func difference<Scalar>(
    _ name: String, _ found: Tensor<Scalar>, _ expected: Tensor<Scalar>
  ) -> String? {
    zip(found.elements, expected.elements).enumerated()
      .first { !$1.0.isIdentical(to: $1.1) }
      .map { "\(name) \($0) is \($1.0) there, \($1.1) on the CPU" }
  }

  /// Five inputs, or directions: pixels, numbers of either sign, subnormal numbers, numbers whose squares overflow, and zeros.
  private static func inputs<Scalar: TensorScalar>(
    _ shape: [Int], of scalar: Scalar.Type
  ) -> Tensor<Scalar> {
    let large = Scalar.greatestFiniteMagnitude.squareRoot()
    let scales: [(factor: Scalar, shift: Double)] = [
      (1, 0), (1, 0.5), (Scalar.leastNormalMagnitude, 0.5), (large, 0.5), (0, 0),
    ]
    var random = CounterRandom(seed: 1, purpose: .deviceComparison)
    return Tensor(
      shape: [scales.count] + shape,
      elements: scales.flatMap { scale in
        (0..<shape.reduce(1, *)).map { _ in
          Scalar(random.uniform() - scale.shift) * scale.factor
        }
      })
  }

  /// The samples of every kind.
  private static let small: [[LayerSpecification]] = LayerSpecification.kinds.flatMap {
    LayerSpecification.samples(of: $0).map { [$0] }
  }

  private static let step = StepSize(rule: .fixed, value: 0.75)

  /// Layers that fill blocks and work-groups and leave some over.
  private static let large: [[LayerSpecification]] = [
    [
      .convolution(
        image: ImageShape(channels: 12, height: 18, width: 37), inner: 7, kernel: 3, step: step)
    ],
    [
      .convolution(
        image: ImageShape(channels: 6, height: 9, width: 11), inner: 6, kernel: 5, step: step)
    ],
    [.linear(features: 211, inner: 150, step: step)],
    [.lastLayerNormalised(features: 300, classes: 70)],
  ]

  /// A network as the paper has it, whose last two layers go as one in binary32.
  private static let whole: [LayerSpecification] = {
    let image = ImageShape(channels: 3, height: 12, width: 8)
    let wide = image.with(channels: 7)
    let features = wide.pooled(by: 4).count
    return [
      .normalize(mean: [0.5, 0.4, 0.3], standardDeviation: [0.2, 0.25, 0.3], image: image),
      .padding(.zero, image: image, channels: 7),
      .convolution(image: wide, inner: 5, kernel: 3, step: step),
      .convolution(image: wide, inner: 5, kernel: 3, step: step),
      .normPool(image: wide, window: 4), .flatten(image: wide.pooled(by: 4)),
      .linear(features: features, inner: 80, step: step),
      .linear(features: features, inner: 33, step: step),
      .lastLayerNormalised(features: features, classes: 10),
    ]
  }()
}
