// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

/// Networks with nothing wrong about them but that some checks find little to look at.
enum SoundNetworks {
  /// What is unlike the usual about each.
  enum Kind: String, CaseIterable {
    case oneConvolution, denseOnly, noPotentialLayer, noParameters, twoClasses, onePixel, grey
    case deadLayer, deadNetwork, tinyWeights, largeWeights, identityKernels, constantHead
  }

  static func network(_ kind: Kind) -> CPLNetwork<Float> {
    var size = ModelRecipe(
      convolutionLayers: 2, channels: 6, convolutionInner: 4, linearLayers: 2, linearInner: 8,
      classes: 4, image: [3, 8, 8])
    switch kind {
    case .oneConvolution: (size.convolutionLayers, size.linearLayers) = (1, 0)
    case .denseOnly: size.convolutionLayers = 0
    case .noPotentialLayer: (size.convolutionLayers, size.linearLayers) = (0, 0)
    case .noParameters:
      (size.convolutionLayers, size.linearLayers, size.head) = (0, 0, .trunc)
    case .twoClasses: size.classes = 2
    case .onePixel: (size.image, size.pooling) = ([3, 1, 1], 1)
    case .grey: size.image.channels = 1
    default: break
    }
    var network = CPLNetwork<Float>(
      size.layers(
        mean: Array(repeating: 0.5, count: size.image.channels),
        standardDeviation: Array(repeating: 1, count: size.image.channels)), seed: 3)
    func scale(_ layers: [Int], by factor: Float) {
      for layer in layers { network.layers[layer].updateParameters { $1.scale(by: factor) } }
    }
    switch kind {
    case .deadLayer: scale([network.steppedLayers[0]], by: 0)
    case .deadNetwork: scale(network.steppedLayers, by: 0)
    case .tinyWeights: scale(network.steppedLayers, by: 1e-9)
    case .largeWeights: scale(network.steppedLayers, by: 1e6)
    case .identityKernels:
      for position in network.steppedLayers {
        network.layers[position].updateParameters { index, value in
          guard index == 0 else { return value.scale(by: 0) }
          let (rows, row) = (value.shape[0], value.count / value.shape[0])
          let size = value.shape.count == 4 ? value.shape[2] * value.shape[3] : 1
          var elements = [Float](repeating: 0, count: value.count)
          for diagonal in 0..<min(rows, row / size) {
            elements[diagonal * row + diagonal * size + size / 2] = 1
          }
          value = Tensor(shape: value.shape, elements: elements)
        }
      }
    case .constantHead:
      network.layers[network.layers.count - 1].updateParameters { index, value in
        if index == 1 { value.elements[0] = 1e4 }
      }
    default: break
    }
    return network
  }

  static func images(_ network: CPLNetwork<Float>, _ count: Int) -> ImageDataset {
    ImageDataset(
      name: "drawn", classes: network.classes, imageShape: network.image,
      numbers: SampleNetworks.images(network, count: count, seed: 5).elements,
      labels: (0..<count).map { $0 % network.classes })
  }

  /// The results of all checks of the network that do not hold.
  static func alarms(
    _ verified: VerifiedNetwork, _ images: ImageDataset, but others: Set<String> = []
  ) throws -> [CheckResult] {
    var context = try CheckSamples.context()
    (context.verified, context.images) = (verified, images)
    let checks = PropertySuite.checks.filter { $0.concernsNetwork && !others.contains($0.id) }
    return try PropertySuite.run(checks, context, clock: { 0 }) { _, _ in }.filter {
      $0.verdict == .violated || $0.verdict == .inconclusive
    }
  }
}

@Suite("Networks with nothing wrong")
struct SoundNetworksTests {
  /// What speaks of no network, or of data alone.
  private static let others: Set = [
    "layer.constants", "certificate.rule", "gradient.exact", "parity.pytorch", "attack.strength",
    "training.schedule", "data.labels",
  ]

  @Test(
    "a check that finds little to look at is not applicable, never violated",
    arguments: SoundNetworks.Kind.allCases)
  func kinds(kind: SoundNetworks.Kind) throws {
    let network = SoundNetworks.network(kind)
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    for count in kind == .twoClasses ? [1, 2, 20] : [2] {
      for alarm in try SoundNetworks.alarms(
        verified, SoundNetworks.images(network, count), but: Self.others)
      {
        Issue.record("\(kind), \(count) images: \(alarm.id): \(alarm.verdict): \(alarm.finding)")
      }
    }
  }

  @Test(
    "networks of any shape, their steps proved, from the power method or too long, raise no alarm but that of their steps",
    arguments: 0..<24 as Range<UInt64>)
  func random(seed: UInt64) throws {
    let verified = try SampleNetworks.random(seed)
    let alarms = try SoundNetworks.alarms(
      verified, SoundNetworks.images(verified.network, 3), but: Self.others)
    for alarm in alarms {
      // h‖W‖² > 2 is a property of the network, and told of the layer that has it.
      let layers = verified.bounds.layers.filter { $0.lipschitzUpperBound > 1 }.map(\.name)
      #expect(alarm.id == "cpl.step", "\(alarm.id): \(alarm.verdict): \(alarm.finding)")
      #expect(layers.contains { alarm.finding.hasPrefix("\($0): h‖W‖² ") }, "\(alarm.finding)")
    }
  }

  @Test("steps from a norm that is a fifth too small are reported by one check, layer and all")
  func shippedSteps() throws {
    var network = try CheckSamples.stored.get()
    for (position, iteration) in zip(
      network.steppedLayers, network.updateSteps(iterations: 100, workers: .serial))
    {
      network[stepped: position].stepRule = .fixed
      network[stepped: position].stepSize = StepSize.fromEstimate(0.8 * iteration.estimate)
    }
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    let images = SyntheticImages.make(seed: 0, split: .test)
    let alarms = try SoundNetworks.alarms(verified, images)
    #expect(alarms.map(\.id) == ["cpl.step"], "\(alarms.map(\.finding))")
    let finding = try #require(alarms.first).finding
    let words = ": h‖W‖² ≤ 2 is violated: at least 3.1"
    #expect(finding.contains(words), "\(finding)")
    #expect(verified.bounds.layers.contains { finding.hasPrefix($0.name + words) }, "\(finding)")
    #expect(finding.hasSuffix(" more like it"))
  }
}
