// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// ConvNets of skew orthogonal convolutions: as their published code ships them, and as they are trained here.
@Suite("ConvNets of SOC layers") struct SOCConvNetTests {
  private static let fixture = Fixture.repository.appending(path: "fixtures/convnet/soc.pth").path

  private static func verified(_ settings: UnstoredSettings) throws -> VerifiedNetwork {
    try VerifiedNetwork(
      try Checkpoint.read(fixture, settings: settings).network, profile: .corrected,
      steps: .shipped, workers: .serial
    ) { _, _ in }
  }

  @Test("each layer's constant follows from the norm of its filter as shipped")
  func constants() throws {
    let shipped = try Self.verified(UnstoredSettings())
    let five = try Self.verified(UnstoredSettings(terms: 5))
    #expect(shipped.bounds.lipschitzUpperBound == 1)
    #expect(five.bounds.lipschitzUpperBound > 1.001)
    var largest = 0.0
    for (layer, bounds) in zip(five.network.layers, five.bounds.layers) {
      guard let layer = layer as? SOCConvolution<Float> else { continue }
      let norm = try #require(bounds.spectralNorm)
      largest = max(largest, norm.lowerBound)
      #expect(
        bounds.lipschitzUpperBound
          == TruncatedExponential(terms: 5).modulusUpperBound(upTo: norm.upperBound))
      #expect(layer.powerVector == nil && layer.terms == 5)
    }
    // The estimate is no bound: filters are longer than the correction, 0.7 or 1, claims.
    #expect(largest > 1.05)
    let images = SampleNetworks.images(shipped.network, count: 8, seed: 3)
    let radii = try [shipped, five].map {
      try CertifiedNetwork(EvaluatedNetwork($0), .sound).certify(images, workers: .serial).radii
    }
    #expect(radii[0].contains { $0 > 0 })
    let notes = try Checkpoint.read(Self.fixture).notes
    #expect(notes.contains { $0.contains("taken as 12") && $0.contains("--terms sets it") })
    let told = try Checkpoint.read(Self.fixture, settings: UnstoredSettings(terms: 5)).notes
    #expect(!told.contains { $0.contains("--terms") })
  }

  @Test("what is said of terms has to be possible, and of SOC layers")
  func settings() {
    let other = Fixture.repository.appending(path: "fixtures/convnet/aol.pth").path
    for (path, terms, words) in [
      (Self.fixture, 0, "1 to 20"), (Self.fixture, 21, "1 to 20"), (other, 5, "terms for"),
    ] {
      let error = #expect(throws: ReferenceError.self) {
        _ = try Checkpoint.read(path, settings: UnstoredSettings(terms: terms))
      }
      #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
    }
  }

  /// What is wrong with a state dictionary, and what the message has of it.
  enum Mistake: String, CaseIterable {
    case noVector = "Block2.0.u1: expected a tensor"
    case wrongVector = "Block2.0.v3: expected shape [8, 1, 1, 1]"
    case noCorrection = "Block2.0.correction: expected a tensor"
    case wrongCorrection = "Block2.0.correction: expected shape [1]"
    case noBias = "Block2.0.bias: expected a tensor"
    case noSkewPart = "Block2.0.random_conv_filter: expected a filter that can be divided"
    case stranger = "Block2.0.u5: expected tensors of the network's layers alone"

    func apply(to tensors: inout [(name: String, value: Tensor<Float>)]) {
      func index(_ name: String) -> Int { tensors.firstIndex { $0.name == "Block2.0." + name }! }
      switch self {
      case .noVector: tensors.remove(at: index("u1"))
      case .wrongVector: tensors[index("v3")].value = Tensor(shape: [1, 8, 1, 1])
      case .noCorrection: tensors.remove(at: index("correction"))
      case .wrongCorrection: tensors[index("correction")].value = Tensor(shape: [2])
      case .noBias: tensors.remove(at: index("bias"))
      case .noSkewPart:
        tensors[index("random_conv_filter")].value = Tensor(shape: [8, 8, 3, 3])
      case .stranger: tensors.append(("Block2.0.u5", Tensor(shape: [1])))
      }
    }
  }

  @Test("what is wrong with a state dictionary is named", arguments: Mistake.allCases)
  func mistakes(_ mistake: Mistake) throws {
    let dictionary = try StateDictionary(path: Self.fixture)
    var tensors = try dictionary.tensors.map {
      (
        name: $0.name,
        value: Tensor<Float>(
          shape: $0.shape, elements: try $0.floats(path: dictionary.path).elements)
      )
    }
    mistake.apply(to: &tensors)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Safetensors.write(tensors, metadata: [:], to: path)
    let error = #expect(throws: ReferenceError.self) { _ = try Checkpoint.read(path) }
    #expect(
      error.map { "\($0)" }?.contains(mistake.rawValue) == true, "\(String(describing: error))")
  }

  @Test("trained it learns, with the constant 1 that is proved, and survives its file")
  func training() throws {
    var recipe = ConvNetRecipe(layer: "soc", width: 4, depth: 1)
    (recipe.blocks, recipe.image, recipe.classes, recipe.terms) = (3, [3, 8, 8], 3, 4)
    #expect(recipe.problem == nil)
    var network = CPLNetwork<Float>(
      recipe.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 1)
    let images = SampleNetworks.images(network, count: 24, seed: 2)
    let labels = (0..<24).map { $0 % 3 }
    var adam = Adam<Float>(shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
    var losses: [Float] = []
    for _ in 0..<30 {
      let (loss, _, gradients) = network.trainingGradient(
        images: images, labels: labels, loss: MarginLoss(margin: 0.7), densePowerGradient: false,
        workers: .serial)
      losses.append(loss)
      adam.update(&network, gradients: gradients, learningRate: 0.01, workers: .serial)
    }
    #expect(losses[29] < 0.95 * losses[0])
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    #expect(verified.bounds.lipschitzUpperBound == 1)
    let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
    let (predictions, radii) = try certified.certify(images, workers: .serial)
    let hunt = Hunt(images: images, radii: radii, predictions: predictions)
    #expect(hunt.count > 0)
    #expect(try hunt.brokenByDescent(verified, in: certified.network.binary64) == 0)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try network.write(
      to: path,
      description: CheckpointDescription(
        profile: .corrected, createdBy: "a test", gitCommit: "none"))
    #expect(try Checkpoint(path: path).network.digest() == network.digest())
  }
}
