// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("ModelRecipe")
struct ModelRecipeTests {
  private static func layers(_ configuration: ModelRecipe) -> [LayerSpecification] {
    configuration.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1])
  }

  private static func experiment(_ name: String) throws -> ModelRecipe {
    let path = Fixture.repository.appending(path: "experiments/\(name).yml")
    return try #require(
      ExperimentConfiguration(
        yaml: String(contentsOf: path, encoding: .utf8), path: path.path
      ).model.recipe)
  }

  @Test("CPL-S has the published number of parameters, trained and stored")
  func parameterCount() throws {
    let layers = Self.layers(try Self.experiment("cpl-s"))
    let trained = layers.flatMap(\.parameterShapes).reduce(0) { $0 + $1.shape.reduce(1, *) }
    #expect(trained == 41_371_426)
    // The published state dictionary also holds each u and a number `alpha` for each dense layer.
    let stored = layers.flatMap(\.bufferShapes).map(\.shape).reduce(trained) {
      $0 + $1.reduce(1, *)
    }
    let dense = layers.count { $0.value is LinearKind }
    #expect(stored + dense == 42_313_193)
  }

  @Test(
    "each size of the paper has its depth and width",
    arguments: [
      ("cpl-s", 20, 45, 7), ("cpl-m", 30, 60, 10), ("cpl-l", 50, 90, 10), ("cpl-xl", 70, 120, 15),
    ])
  func paperSizes(name: String, depth: Int, channels: Int, linear: Int) throws {
    let configuration = try Self.experiment(name)
    #expect(configuration.convolutionLayers == depth)
    #expect(configuration.channels == channels)
    #expect(configuration.linearLayers == linear)
    #expect(configuration.convolutionInner == 5)
    #expect(configuration.linearInner == 2048)
    #expect(configuration.features == channels * 64)
    #expect(configuration.problem == nil)
    #expect(LayerSpecification.problem(in: Self.layers(configuration)) == nil)
  }

  @Test("the layers stand in the paper's order", arguments: ModelRecipe.Head.allCases)
  func order(head: ModelRecipe.Head) {
    let configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, linearLayers: 1, linearInner: 8, head: head)
    let layers = Self.layers(configuration)
    #expect(
      layers.map(\.kind) == [
        "normalize", "padding", "convolution", "convolution", "norm-pool", "flatten", "linear",
        head == .lln ? "last-layer-normalised" : "pooling-linear",
      ])
    #expect(LayerSpecification.problem(in: layers) == nil)
    let network = CPLNetwork<Float>(layers, seed: 0)
    #expect(network.inputShape == [3, 32, 32])
    #expect(network.classes == 10)
    #expect(network.layers.map(\.specification) == layers)
    #expect(
      network.parameterCount
        == layers.flatMap(\.parameterShapes).reduce(0) { $0 + $1.shape.reduce(1, *) })
    #expect((network.head.unitRows != nil) == (head == .lln))
    #expect(network.normalization.mean == [0.5, 0.5, 0.5])
  }

  @Test("a network without convex potential layers is one too")
  func noDepth() {
    let configuration = ModelRecipe(
      convolutionLayers: 0, channels: 3, linearLayers: 0, linearInner: 1)
    #expect(configuration.problem == nil)
    #expect(LayerSpecification.problem(in: Self.layers(configuration)) == nil)
  }

  @Test("numbers that are impossible are named")
  func problems() {
    var configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, linearLayers: 1, linearInner: 8)
    func key(_ change: (inout ModelRecipe) -> Void) -> String? {
      var changed = configuration
      change(&changed)
      return changed.problem?.key
    }
    #expect(key { _ in } == nil)
    #expect(key { $0.convolutionLayers = -1 } == "convolution_layers")
    #expect(key { $0.channels = 0 } == "channels")
    #expect(key { $0.channels = 2 } == "channels")
    #expect(key { $0.padding = .clone } == "channels")
    #expect(key { $0.convolutionInner = 0 } == "convolution_inner")
    #expect(key { $0.kernel = 2 } == "kernel")
    #expect(key { $0.kernel = 17 } == "kernel")
    #expect(key { $0.linearLayers = 1001 } == "linear_layers")
    #expect(key { $0.linearInner = .max } == "linear_inner")
    #expect(key { $0.pooling = 3 } == "pooling")
    #expect(key { $0.pooling = 0 } == "pooling")
    #expect(key { $0.classes = 1 } == "classes")
    #expect(key { $0.image.channels = 0 } == "image_channels")
    #expect(key { $0.image = [3, 0, 0] } == "image_side")
    #expect(key { $0.image = [3, 0, 32] } == "image_height")
    #expect(key { $0.image = [3, 32, 513] } == "image_width")
    #expect(key { $0.image = [3, 32, 34] } == "pooling")
    #expect(key { $0.stepNumerator = 0 } == "step_numerator")
    #expect(key { $0.stepNumerator = .nan } == "step_numerator")
    configuration.pooling = 32
    #expect(key { _ in } == nil)
    for head in [ModelRecipe.Head.trunc, .mean, .max] {
      #expect(key { $0.head = head } == "head")
    }
  }
}
