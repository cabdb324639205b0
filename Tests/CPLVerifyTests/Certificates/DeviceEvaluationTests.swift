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
      let table = try Self.table(images, EvaluatedNetwork(network, at: place))
      #expect(table == (try Self.table(images, EvaluatedNetwork(network))))
      #expect(table.radii[.sound]?.contains { $0 > 0 } == true)
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
    let device = try Device(#require(AnyDevice.description))
    let sample = try AttackSample.known.get()
    let radius = try 3 * #require(sample.distances.max())
    _ = try sample.expectSameResults(of: name, radius: radius, on: device)
    try device.check()
  }

  @Test(
    "attacks that break some images do so on the binary64 network too, and where batches are halved on the way",
    arguments: ["pgd", "pgd-published", "apgd-ce", "apgd-t", "deepfool"])
  func divided(_ name: String) throws {
    let device = try Device(#require(AnyDevice.description), memoryLimit: 1 << 17)
    let sample = try AttackSample.known.get()
    for isBinary64 in [false, true] {
      let results = try sample.expectSameResults(
        of: name, radius: sample.median, isBinary64: isBinary64, on: device)
      #expect(name == "deepfool" || Set(results.map { $0.image == nil }).count == 2)
    }
    try device.check()
  }

  @Test(
    "gradient attacks move images on the device: one that moves them otherwise finds others",
    arguments: ["pgd", "apgd-ce"])
  func moved(_ name: String) throws {
    var text = KernelText()
    text.kernels = text.kernels.replacing(
      "start + scale * (double)g[i]", with: "start - scale * (double)g[i]")
    #expect(text.kernels != KernelText().kernels)
    let device = try Device(#require(AnyDevice.description), text: text)
    let sample = try AttackSample.known.get()
    #expect(
      try sample.attack(name, radius: sample.median, on: device).map(\.image)
        != sample.attack(name, radius: sample.median).map(\.image))
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
  fileprivate static func deep() throws -> VerifiedNetwork {
    let recipe = ModelRecipe(
      convolutionLayers: 2, channels: 6, linearLayers: 2, linearInner: 40,
      image: ImageShape(channels: 3, height: 8, width: 8))
    let network = CPLNetwork<Float>(
      recipe.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 8)
    return try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
  }

  fileprivate static func images(of network: CPLNetwork<Float>, count: Int = 45) -> ImageDataset {
    var random = CounterRandom(seed: 3, purpose: .test)
    return ImageDataset(
      name: "noise", classes: network.classes, imageShape: network.image,
      pixels: (0..<count * network.image.count).map { _ in UInt8(random.below(256)) },
      labels: (0..<count).map { $0 % network.classes })
  }
}

/// A network, images that it classifies correctly, and how near other classes are.
private struct AttackSample {
  static let known = Result { try AttackSample() }

  let network: VerifiedNetwork
  let images: ImageDataset
  private(set) var distances: [Double] = []

  var median: Double { distances.sorted()[distances.count / 2] }

  private init() throws {
    network = try DeviceEvaluationTests.deep()
    let noise = DeviceEvaluationTests.images(of: network.network, count: 6)
    var evaluated = EvaluatedImages(noise, EvaluatedNetwork(network), workers: .serial)
    let predictions = try CertificateTable(&evaluated) { _ in }.predictions
    images = ImageDataset(
      name: noise.name, classes: noise.classes, imageShape: noise.imageShape,
      numbers: evaluated.batch(at: 0..<noise.count).images.elements, labels: predictions)
    distances = try attack("minimum-norm", radius: 0).map(\.distance)
  }

  /// What an attack finds, on the CPU or on a device.
  func attack(
    _ name: String, radius: Double, isBinary64: Bool = false, on device: Device? = nil
  ) throws -> [AttackResult] {
    let network = EvaluatedNetwork(network, at: device.map { DevicePlace($0) })
    let target = try AttackTarget(network.binary32, binary64: isBinary64 ? network.binary64 : nil)
    let results = AttackSuite.run(
      name, on: target, EvaluatedImages(images, network, workers: .serial), epsilon: radius,
      seed: 5, workers: .serial
    ) { _ in }
    return try #require(results)
  }

  /// Expects an attack to find the same on a device as on the CPU.
  func expectSameResults(
    of name: String, radius: Double, isBinary64: Bool = false, on device: Device
  ) throws -> [AttackResult] {
    let found = try attack(name, radius: radius, isBinary64: isBinary64, on: device)
    let expected = try attack(name, radius: radius, isBinary64: isBinary64)
    for (result, expected) in zip(found, expected) {
      #expect(result.image == expected.image)
      #expect(result.distance == expected.distance)
      #expect(result.forwardPasses == expected.forwardPasses)
      #expect(result.backwardPasses == expected.backwardPasses)
    }
    return found
  }
}
