// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("A network on a device", .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
struct DeviceNetworkTests {
  private static func device(memoryLimit: Int? = nil) throws -> Device {
    try Device(#require(AnyDevice.description), memoryLimit: memoryLimit)
  }

  /// A network of two layers of a kind on images and two on features, in the paper's order.
  private static func network(of body: String) -> CPLNetwork<Float> {
    var recipe = ModelRecipe(
      convolutionLayers: 2, channels: 10, linearLayers: 2, linearInner: 150,
      image: ImageShape(channels: 3, height: 16, width: 20))
    recipe.body = body
    var network = CPLNetwork<Float>(
      recipe.layers(mean: [0.5, 0.4, 0.3], standardDeviation: [0.25, 0.3, 0.2]), seed: 4)
    for layer in network.steppedLayers { network[stepped: layer].stepSize = 0.6 }
    return network
  }

  @Test("computes each layer's outputs and gradients bit by bit", arguments: [1, 5])
  func layers(batch: Int) throws {
    let device = try Self.device()
    for layer: any Layer<Float> in SampleLayers.tiny() + SampleLayers.large() {
      try expectSameBits(CPLNetwork(layers: [layer]), batch, on: device)
    }
    for layer: any Layer<Double> in SampleLayers.tiny() + SampleLayers.large() {
      try expectSameBits(CPLNetwork(layers: [layer]), batch, on: device)
    }
  }

  @Test("computes every kind of layers that is made for it bit by bit")
  func kinds() throws {
    let device = try Self.device()
    var computed: Set<String> = []
    for layer in LayerSpecification.kinds.flatMap({ LayerSpecification.samples(of: $0) }) {
      var network = CPLNetwork<Float>([layer], seed: 5)
      network.shakeParameters()
      guard network.layers[0].executedLayer is any DeviceLayer<Float> else { continue }
      computed.insert(layer.kind)
      try expectSameBits(network, 3, on: device)
      try expectSameBits(network.converted(to: Double.self), 3, on: device)
    }
    let expected: Set = [
      "aol-linear", "sll-convolution", "sll-linear", "max-min", "max-pool", "first-channels",
      "pixel-unshuffle",
    ]
    #expect(computed.isSuperset(of: expected), "\(computed)")
  }

  @Test("computes logits and gradients of the paper's architecture, and of SLL's, bit by bit")
  func networks() throws {
    let device = try Self.device()
    for body in [ModelRecipe.standard, "sll"] {
      let network = Self.network(of: body)
      try expectSameBits(network, 17, on: device)
      try expectSameBits(network.converted(to: Double.self), 17, on: device)
    }
  }

  @Test("does not fit into too little memory, and says so; a smaller batch does")
  func memory() throws {
    let network = Self.network(of: ModelRecipe.standard)
    let images = Tensor<Float>.uniform([64] + network.inputShape, stream: 900)
    let device = try Self.device(memoryLimit: 3 << 19)
    let onDevice = try DeviceNetwork(network, on: device, workers: .serial)
    #expect(throws: DeviceError.outOfMemory(device: device.description.selector)) {
      try onDevice.logits(images)
    }
    let logits = try onDevice.logits(images.slice(0..<8))
    #expect(logits == network.logits(images, workers: .serial).slice(0..<8))
  }

  private func expectSameBits<Scalar>(
    _ network: CPLNetwork<Scalar>, _ batch: Int, on device: Device
  ) throws {
    let images = Tensor<Scalar>.normal([batch] + network.inputShape, stream: 901)
    let onDevice = try DeviceNetwork(network, on: device, workers: .serial)
    let names = "\(network.layers.map(\.name)) in \(Scalar.self)"
    let expected = network.record(images, recording: .masks, workers: .serial)
    let pass = try onDevice.record(images)
    #expect(pass.logits == expected.logits, "\(names)")
    #expect(try onDevice.logits(images) == expected.logits, "\(names)")
    let direction = Tensor<Scalar>.normal(expected.logits.shape, stream: 902)
    #expect(
      try onDevice.inputGradient(direction, pass)
        == network.inputGradient(direction, expected, workers: .serial), "\(names)")
  }
}
