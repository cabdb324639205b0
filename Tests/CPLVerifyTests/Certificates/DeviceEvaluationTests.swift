// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Synchronization
import Testing
import TestSupport

@Suite("Evaluation on a device", .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
struct DeviceEvaluationTests {
  private static func table(
    _ images: ImageDataset, _ network: EvaluatedNetwork
  ) throws -> CertificateTable {
    var images = EvaluatedImages(images, network, workers: .serial)
    return try CertificateTable(&images) { _ in }
  }

  @Test("certifies images as the CPU does, bit by bit", arguments: [nil, 1 << 17])
  func certificates(memoryLimit: Int?) throws {
    for network in [try AuditSample.network.get(), try Self.deep()] {
      let images = Self.images(of: network.network)
      let device = try Device(#require(AnyDevice.description), memoryLimit: memoryLimit)
      let sizes = Mutex<[Int]>([])
      let place = DevicePlace(device) { size in sizes.withLock { $0.append(size) } }
      #expect(
        try Self.table(images, EvaluatedNetwork(network, at: place))
          == Self.table(images, EvaluatedNetwork(network)))
      try device.check()
      let told = sizes.withLock(\.self)
      #expect(memoryLimit != nil || told.isEmpty)
    }
  }

  @Test("a batch that is too large for the device is halved until it fits, which is said")
  func halving() throws {
    let network = try Self.deep()
    let images = Self.images(of: network.network)
    let device = try Device(#require(AnyDevice.description), memoryLimit: 1 << 17)
    let sizes = Mutex<[Int]>([])
    let place = DevicePlace(device) { size in sizes.withLock { $0.append(size) } }
    _ = try Self.table(images, EvaluatedNetwork(network, at: place))
    let told = sizes.withLock(\.self)
    #expect(told.first == (images.count + 1) / 2 && told.last.map { $0 >= 1 } == true, "\(told)")
    try device.check()
  }

  @Test("what a device has no memory for at all is left to the CPU, and told once")
  func memory() throws {
    let network = try Self.deep()
    let images = Self.images(of: network.network)
    let device = try Device(#require(AnyDevice.description), memoryLimit: 1 << 10)
    let onDevice = EvaluatedNetwork(network, at: DevicePlace(device))
    #expect(
      try Self.table(images, onDevice) == Self.table(images, EvaluatedNetwork(network)))
    #expect(throws: DeviceError.outOfMemory(device: device.description.selector)) {
      try device.check()
    }
    try device.check()
  }

  @Test(
    "attacks find on a device what they find on the CPU, bit by bit",
    arguments: AttackSuite.names)
  func attacks(_ name: String) throws {
    let network = try Self.deep()
    let images = Self.images(of: network.network).prefix(6)
    let place = DevicePlace(try Device(#require(AnyDevice.description)))
    func attack(_ network: EvaluatedNetwork) throws -> [AttackResult] {
      let evaluated = EvaluatedImages(images, network, workers: .serial)
      return try #require(
        try AttackSuite.run(
          name, on: AttackTarget(network.binary32), evaluated, epsilon: 0.3, seed: 5,
          workers: .serial
        ) { _ in })
    }
    let found = try attack(EvaluatedNetwork(network, at: place))
    for (result, expected) in zip(found, try attack(EvaluatedNetwork(network))) {
      #expect(result.image == expected.image)
      #expect(result.distance == expected.distance)
      #expect(result.forwardPasses == expected.forwardPasses)
      #expect(result.backwardPasses == expected.backwardPasses)
    }
    try place.device.check()
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
