// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Evaluation on a device", .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
struct DeviceEvaluationTests {
  private static func table(_ images: EvaluatedImages) throws -> CertificateTable {
    var images = images
    return try CertificateTable(&images) { _ in }
  }

  @Test(
    "certifies images as the CPU does, bit by bit, in whole batches and in halves of what fits",
    arguments: [nil, 1 << 17])
  func certificates(memoryLimit: Int?) throws {
    let description = try #require(AnyDevice.description)
    for network in [try AuditSample.network.get(), try Self.deep()] {
      let images = EvaluatedImages(
        Self.images(of: network.network), EvaluatedNetwork(network), workers: .serial)
      let device = try Device(description, memoryLimit: memoryLimit)
      var (onDevice, sizes, done): (EvaluatedImages, [Int], [Int]) = (images, [], [])
      try onDevice.evaluate(on: device, batch: 32) {
        sizes.append($0)
      } progress: {
        done.append($0)
      }
      #expect(done.last == images.dataset.count)
      #expect(try Self.table(onDevice) == Self.table(images))
      if memoryLimit == nil { #expect(sizes.isEmpty) }
    }
  }

  @Test("a batch that is too large for the device is halved until it fits")
  func halving() throws {
    let network = try Self.deep()
    var images = EvaluatedImages(
      Self.images(of: network.network), EvaluatedNetwork(network), workers: .serial)
    let device = try Device(#require(AnyDevice.description), memoryLimit: 1 << 17)
    var sizes: [Int] = []
    try images.evaluate(on: device, batch: 32) {
      sizes.append($0)
    } progress: { _ in
    }
    #expect(sizes.first == 16 && sizes.last.map { $0 >= 1 } == true, "\(sizes)")
    let tooSmall = try Device(#require(AnyDevice.description), memoryLimit: 1 << 14)
    #expect(throws: DeviceError.outOfMemory(device: tooSmall.description.selector)) {
      try images.evaluate(on: tooSmall) { _ in
      } progress: { _ in
      }
    }
  }

  @Test("a layer that devices do not compute leaves the network to the CPU, and is refused by name")
  func unsupported() throws {
    let device = try Device(#require(AnyDevice.description))
    let fault = try #require(NormPoolKind.faults.first).make()
    let network = try Self.deep().network
    let altered = CPLNetwork<Float>(layers: network.layers.map { fault.planted(in: $0) })
    #expect(
      throws: DeviceError.unsupported(
        device: device.description.selector, layer: "norm-pool", kind: "norm-pool")
    ) {
      try altered.check(runsOn: device)
    }
  }

  /// A network of every kind of layer in the paper's order.
  private static func deep() throws -> VerifiedNetwork {
    let recipe = ModelRecipe(
      convolutionLayers: 2, channels: 6, linearLayers: 2, linearInner: 40,
      image: ImageShape(channels: 3, height: 8, width: 8))
    let network = CPLNetwork<Float>(
      recipe.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 8)
    return try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
  }

  private static func images(of network: CPLNetwork<Float>) -> ImageDataset {
    var random = CounterRandom(seed: 3, purpose: .test)
    let count = 45
    return ImageDataset(
      name: "noise", classes: network.classes, imageShape: network.image,
      pixels: (0..<count * network.image.count).map { _ in UInt8(random.below(256)) },
      labels: (0..<count).map { $0 % network.classes })
  }
}
