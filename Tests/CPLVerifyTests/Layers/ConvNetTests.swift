// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// ConvNets of "1-Lipschitz Layers Compared": the recipe, and state dictionaries under the published names, which
/// `fixtures/convnet/make_convnet.py` made.
@Suite("ConvNets") struct ConvNetTests {
  private static func fixture(_ name: String) -> String {
    Fixture.repository.appending(path: "fixtures/convnet/\(name)").path
  }

  private static func recipe(_ layer: String, _ others: String = "") throws -> ModelConfiguration {
    try ExperimentConfiguration(
      yaml: "name: x\nmodel: { convnet: { layer: \(layer), width: 16, depth: 5\(others) } }\n"
        + "training: { epochs: 1 }\n", path: "x.yml"
    ).model
  }

  @Test("what stands behind each layer can be said, in a configuration and of a state dictionary")
  func activation() throws {
    let layers = try Self.recipe("aol", ", activation: relu").layers(
      mean: [0, 0, 0], standardDeviation: [1, 1, 1])
    #expect(layers.count { $0.value is ReLUKind } == 26)
    #expect(!layers.contains { $0.value is MaxMinKind })
    let silent = try Checkpoint.read(Self.fixture("aol.pth"))
    #expect(silent.notes.contains { $0.contains("--activation sets it") })
    let told = try Checkpoint.read(
      Self.fixture("aol.pth"), settings: UnstoredSettings(activation: .relu))
    #expect(!told.notes.contains { $0.contains("--activation") })
    let images = SampleNetworks.images(told.network, count: 4, seed: 2)
    // By the definition, layer by layer.
    var values = images
    for layer in silent.network.layers {
      if layer is MaxMin<Float> {
        values = Tensor(shape: values.shape, elements: values.elements.map { max($0, 0) })
      } else {
        values = layer.forward(values, recording: .nothing, workers: .serial).output
      }
    }
    #expect(values == told.network.logits(images, workers: .serial))
    for name in ["shipped/small.pt", "sll/released.pth"] {
      let path = Fixture.repository.appending(path: "fixtures/\(name)").path
      #expect(throws: ReferenceError.self) {
        _ = try Checkpoint.read(path, settings: UnstoredSettings(activation: .relu))
      }
    }
  }

  @Test(
    "a state dictionary is judged as its published code executes it",
    arguments: ["aol", "cpl", "sll", "soc"])
  func checkpoints(_ layer: String) throws {
    let checkpoint = try Checkpoint.read(Self.fixture("\(layer).pth"))
    let verified = try VerifiedNetwork(
      checkpoint.network, profile: .corrected, steps: .shipped, workers: .serial
    ) { _, _ in }
    let file = try HDF5File.open(Self.fixture(layer == "soc" ? "soc.h5" : "convnet.h5"))
    let images = try file.readTensor(of: Float.self, from: "/images")
    let expected = try file.readTensor(of: Double.self, from: "/logits/\(layer)")
    let network = EvaluatedNetwork(verified).binary64
    let found = network.logits(images.converted(), workers: .serial)
    #expect(found.rowMaxima == expected.rowMaxima)
    for image in 0..<4 {
      let (found, expected) = (Array(found.row(image)), Array(expected.row(image)))
      for label in found.indices {
        #expect(abs((found[label] - found[0]) - (expected[label] - expected[0])) <= 1e-5)
      }
    }
    // One layer a block, twice the channels from one to the next.
    let layers = checkpoint.network.layers
    #expect(layers.count(where: { $0.specification.value is any WeightedKind }) == 7)
    #expect(layers[layers.count - 1].inputShape == [128])
    #expect(
      layers[0].specification
        == .normalize(
          mean: [0.49139968, 0.48215841, 0.44653091], standardDeviation: [1, 1, 1],
          image: [3, 32, 32]))
    let notes = checkpoint.notes
    for words in [
      "read as a ConvNet of '1-Lipschitz Layers Compared', of \(layer.uppercased()) layers",
      layer == "aol" ? "taken as circular" : "taken as zeros", "number of classes is not stored",
      "published code subtracts; --mean",
    ] {
      #expect(notes.contains { $0.contains(words) }, "\(words): \(notes)")
    }
    #expect(notes.contains { $0.contains("32×32 pixels are not stored") } == (layer != "cpl"))
    // A margin's constant is √2.
    #expect(abs(try PairConstants(network)[0, 1] - 2.0.squareRoot()) < 1e-15)
    let sound = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
    #expect(try sound.certify(images, workers: .serial).radii.contains { $0 > 0 })
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try checkpoint.network.write(
      to: path, description: checkpoint.description, published: checkpoint.published)
    let copy = try Checkpoint(path: path).network
    #expect(copy.layers.map(\.specification) == checkpoint.network.layers.map(\.specification))
    #expect(try copy.digest() == checkpoint.network.digest())
  }

  @Test(
    "a recipe is the published skeleton, of whatever layers",
    arguments: ["aol", "cayley", "cpl", "sll", "soc"])
  func recipes(_ layer: String) throws {
    let model = try Self.recipe(layer)
    #expect(model.problem == nil && model.classes == 10 && model.image == [3, 32, 32])
    let layers = model.layers
    #expect(LayerSpecification.problem(in: layers) == nil)
    let weighted = layers.compactMap { $0.value as? any WeightedKind }
    #expect(weighted.count == 27)
    #expect(Set(weighted.map { type(of: $0).family }) == [layer])
    #expect(weighted.map { $0.shapes?.output[0] ?? 0 }.max() == 512)
    #expect(layers.count { $0.value is PixelUnshuffleKind } == 5)
    #expect(!layers.contains { $0.value is MaxPoolKind })
    let configuration = try ExperimentConfiguration(
      yaml: "name: x\nmodel: { convnet: { layer: \(layer), width: 16, depth: 5 } }\n"
        + "training: { epochs: 1 }\n", path: "x.yml")
    #expect(
      try ExperimentConfiguration(yaml: try configuration.yaml(), path: "x.yml") == configuration)
    let wide = try Self.recipe(layer, ", blocks: 3, classes: 100, image_side: 16")
    #expect(wide.layers.contains { $0.value is MaxPoolKind })
    #expect(wide.layers.last?.value.shapes?.output == [100])
  }

  @Test(
    "what is wrong is named with its key",
    arguments: [
      ("aol", "blocks: 6", "model.convnet.blocks"), ("cpl", "width: 15", "model.convnet.width"),
      ("oal", "blocks: 5", "model.convnet.layer"), ("sll", "kernel: 4", "model.convnet.kernel"),
      ("aol", "classes: 513", "model.convnet.classes"),
      ("soc", "terms: 21", "model.convnet.terms"), ("aol", "terms: 4", "model.convnet.terms"),
      ("aol", "hight: 3", "model.convnet.hight"),
    ])
  func mistakes(layer: String, other: String, key: String) {
    let text = "{ convnet: { layer: \(layer), width: 16, depth: 5, \(other) } }"
      .replacing("width: 16, depth: 5, width", with: "depth: 5, width")
    let error = #expect(throws: ReferenceError.self) {
      try ExperimentConfiguration(
        yaml: "name: x\nmodel: \(text)\ntraining: { epochs: 1 }\n", path: "x.yml")
    }
    #expect(error.map { "\($0)" }?.contains(key) == true, "\(String(describing: error))")
  }

  @Test("the gradient of q = |q̃| + 1e-6 is what differences give")
  func magnitude() throws {
    guard
      var kind = LayerSpecification.sllConvolution(image: [3, 4, 4], inner: 4, kernel: 3).value
        as? SLLConvolutionKind
    else { return }
    kind.weighting = .magnitude
    let start: any Layer<Double> = CPLNetwork<Double>([LayerSpecification(kind)], seed: 4).layers[0]
    let x = Tensor<Double>.normal([2, 3, 4, 4], stream: 801)
    let g = Tensor<Double>.normal([2, 3, 4, 4], stream: 802)
    var layer = try #require(start as? any DerivedWeightsLayer<Double>)
    let follow = layer.deriveWeights(densePowerGradient: false)
    let (_, cache) = layer.forward(x, recording: .everything, workers: .serial)
    var gradient = layer.backward(g, cache, workers: .serial).parameters
    follow(&gradient, .serial)
    let differences = FiniteDifferences.gradient(at: start.parameters[2].value) { changed in
      var layer = start
      layer.updateParameters { if $0 == 2 { $1 = changed } }
      return layer.forward(x, recording: .nothing, workers: .serial).output.dot(g)
    }
    #expect(differences.norm > 0)
    #expect(relativeError(gradient.parameters[2], differences) < 1e-6)
  }

  @Test("a ConvNet is trained")
  func training() throws {
    var recipe = ConvNetRecipe(layer: "aol", width: 4, depth: 1)
    (recipe.blocks, recipe.image, recipe.classes) = (3, [3, 8, 8], 3)
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
  }
}
