// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLDevices
import CPLNumerics

/// The second of the comparisons that a device has to pass: layers of every kind that devices compute, and a
/// network, held against the CPU's outputs and gradients bit by bit, with respect to images and, where devices train
/// them, to parameters.
enum LayerComparison {
  /// What differs, in a sentence; nil where nothing does.
  static func difference<Scalar: TensorScalar>(
    on device: Device, in scalar: Scalar.Type
  ) throws(DeviceError) -> String? {
    for specifications in small + large + [whole] {
      var network = CPLNetwork<Scalar>(specifications, seed: 0)
      network.shakeParameters()
      for layer in network.steppedLayers { network[stepped: layer].stepSize = 0.75 }
      guard network.layers.allSatisfy({ $0.executedLayer is any DeviceLayer<Scalar> }) else {
        continue
      }
      var difference = try difference(of: network, on: device)
      if difference == nil { difference = try trainingDifference(of: network, on: device) }
      if let difference {
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

  /// The same of what a training step begins with: the power method and the gradients with respect to parameters,
  /// summed over a batch.
  private static func trainingDifference<Scalar>(
    of network: CPLNetwork<Scalar>, on device: Device
  ) throws(DeviceError) -> String? {
    let isTrained = network.layers.allSatisfy {
      $0.trainsOnDevices || $0.parameters.isEmpty
    }
    guard isTrained else { return nil }
    var (network, onDevice) = (network, try TrainedDeviceNetwork(network, on: device))
    var followers: [Int: GradientThroughDerivation<Scalar>] = [:]
    for (index, layer) in network.layers.enumerated() {
      guard var layer = layer as? any DerivedWeightsLayer<Scalar> else { continue }
      followers[index] = layer.deriveWeights(densePowerGradient: false)
      network.layers[index] = layer
    }
    try onDevice.updateSteps(iterations: 1)
    let scales = summed(network.inputShape.reduce(1, *))
    let images = inputs(network.inputShape, of: Scalar.self, scales: scales)
    let pass = network.record(images, recording: .everything, workers: .serial)
    let direction = inputs(
      Array(pass.logits.shape.dropFirst()), of: Scalar.self, scales: scales)
    var (_, gradients) = network.backward(direction, pass, workers: .serial)
    for (index, follow) in followers { follow(&gradients[index], .serial) }
    var difference: String?
    _ = try onDevice.backpropagate(
      images, densePowerGradient: false,
      lossGradient: { logits in
        difference = Self.difference("output in training", logits, pass.logits)
        return direction
      }
    ) { layer, found throws(DeviceError) in
      for (index, gradient) in found.enumerated() where difference == nil {
        difference = Self.difference(
          "gradient of parameter \(index), element", try device.download(gradient),
          gradients[layer].parameters[index])
      }
    }
    return difference
  }

  private static func difference<Scalar>(
    _ name: String, _ found: Tensor<Scalar>, _ expected: Tensor<Scalar>
  ) -> String? {
    zip(found.elements, expected.elements).enumerated()
      .first { !$1.0.isIdentical(to: $1.1) }
      .map { "\(name) \($0) is \($1.0) there, \($1.1) on the CPU" }
  }

  /// What kinds of inputs, or directions, there are.
  private enum Scale {
    /// In [0, 1], or of either sign.
    case pixels, signed
    case subnormal, zero
    /// Numbers whose squares overflow.
    case large

    func factor<Scalar: TensorScalar>(_ scalar: Scalar.Type) -> Scalar {
      switch self {
      case .pixels, .signed: 1
      case .subnormal: .leastNormalMagnitude
      case .zero: 0
      case .large: Scalar.greatestFiniteMagnitude.squareRoot()
      }
    }

    var shift: Double { self == .pixels ? 0 : 0.5 }
  }

  private static let each: [Scale] = [.pixels, .signed, .subnormal, .large, .zero]

  /// Pieces of a batch whose sums stay finite, four of small images, of which the tree is no chain, or two: the first
  /// one of subnormal numbers, the last one of three images.
  private static func summed(_ imageCount: Int) -> [Scale] {
    let inside = imageCount < 1500 ? 2 * BatchTree.imagesPerPiece : 0
    return Array(repeating: .subnormal, count: BatchTree.imagesPerPiece)
      + Array(repeating: .signed, count: inside) + [.pixels, .zero, .signed]
  }

  /// An input, or a direction, of each scale.
  private static func inputs<Scalar: TensorScalar>(
    _ shape: [Int], of scalar: Scalar.Type, scales: [Scale] = each
  ) -> Tensor<Scalar> {
    var random = CounterRandom(seed: 1, purpose: .deviceComparison)
    return Tensor(
      shape: [scales.count] + shape,
      elements: scales.flatMap { scale in
        (0..<shape.reduce(1, *)).map { _ in
          Scalar(random.uniform() - scale.shift) * scale.factor(scalar)
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
    [.aolLinear(features: 211, inner: 211)],
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

extension CPLNetwork {
  /// Moves every parameter a little: some layers begin with identities, which show little.
  package mutating func shakeParameters() {
    var random = CounterRandom(seed: 2, purpose: .deviceComparison)
    for index in layers.indices {
      layers[index].updateParameters { _, value in
        for element in 0..<value.count {
          value.elements[element] += Scalar(0.2 * (random.uniform() - 0.5))
        }
      }
    }
  }
}
