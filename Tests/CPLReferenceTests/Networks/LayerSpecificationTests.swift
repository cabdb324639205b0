// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing
import TestSupport

@Suite("LayerSpecification")
struct LayerSpecificationTests {
  private static let step = StepSize(rule: .power, value: 0.1)

  /// A network that is possible, one layer of each kind.
  private static let possible: [LayerSpecification] = [
    .normalize(mean: [0.1, 0.2, 0.3], standardDeviation: [0.25, 1, 1e-3], image: [3, 8, 8]),
    .padding(.clone, image: [3, 8, 8], channels: 6),
    .convolution(image: [6, 8, 8], inner: 5, kernel: 3, step: step),
    .normPool(image: [6, 8, 8], window: 4),
    .flatten(image: [6, 2, 2]),
    .linear(features: 24, inner: 7, step: StepSize(rule: .verified, value: .leastNormalMagnitude)),
    .poolingLinear(.max, features: 24, classes: 5),
  ]

  @Test("a specification in JSON is read back as it was, its step to the last bit")
  func roundTrip() throws {
    let layers =
      Self.possible + [
        .lastLayerNormalised(features: 24, classes: 5),
        .padding(.zero, image: [3, 8, 8], channels: 6),
        .linear(features: 1, inner: 1, step: StepSize(rule: .fixed, value: Float(2) / 3)),
        .linear(features: 1, inner: 1, step: StepSize(rule: .power, value: 1, numerator: 8.1)),
      ]
    let data = try JSONEncoder().encode(layers)
    #expect(try JSONDecoder().decode([LayerSpecification].self, from: data) == layers)
  }

  @Test("square images are described by one number, as before there were others")
  func square() throws {
    func text(_ layers: [LayerSpecification]) throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return String(decoding: try encoder.encode(layers), as: UTF8.self)
    }
    let old =
      #"[{"normalize":{"mean":[0.5],"side":8,"standardDeviation":[1]}},"#
      + #"{"padding":{"_0":"zero","channels":6,"inputChannels":1,"side":8}},"#
      + #"{"normPool":{"channels":6,"side":8,"window":4}},"#
      + #"{"flatten":{"inputShape":[6,2,2]}},"#
      + #"{"poolingLinear":{"_0":"max","classes":2,"features":24}}]"#
    let layers = try JSONDecoder().decode([LayerSpecification].self, from: Data(old.utf8))
    #expect(
      layers == [
        .normalize(mean: [0.5], standardDeviation: [1], image: [1, 8, 8]),
        .padding(.zero, image: [1, 8, 8], channels: 6), .normPool(image: [6, 8, 8], window: 4),
        .flatten(image: [6, 2, 2]), .poolingLinear(.max, features: 24, classes: 2),
      ])
    #expect(try text(layers) == old)
  }

  @Test("other images are described by height and width, and tell networks apart")
  func oblong() throws {
    func network(_ height: Int, _ width: Int) -> CPLNetwork<Float> {
      let image = ImageShape(channels: 3, height: height, width: width)
      return CPLNetwork(
        ModelRecipe(
          convolutionLayers: 1, channels: 4, linearLayers: 1, linearInner: 5, classes: 3,
          image: image
        ).layers(mean: [0, 0, 0], standardDeviation: [1, 1, 1]), seed: 1)
    }
    let (wide, high) = (network(4, 16), network(16, 4))
    let layers = wide.layers.map(\.specification)
    let json = try JSONEncoder().encode(layers)
    #expect(String(decoding: json, as: UTF8.self).contains(#""width":16"#))
    #expect(try JSONDecoder().decode([LayerSpecification].self, from: json) == layers)
    #expect(wide.parametersDigest == high.parametersDigest)
    #expect(try wide.digest() != high.digest())
    try withTemporaryFolder { folder in
      for (name, network) in [("wide", wide), ("high", high)] {
        let path = "\(folder)/\(name).h5"
        try network.write(
          to: path,
          description: CheckpointDescription(
            profile: .corrected, createdBy: "a test", gitCommit: "none"))
        let read = try Checkpoint(path: path)
        #expect(try read.digest == network.digest())
        #expect(read.network.image == network.image)
      }
    }
  }

  @Test(
    "descriptions that are none are refused, and end nothing",
    arguments: [
      #"{"flatten":{"inputShape":[6,4]}}"#, #"{"flatten":{"inputShape":[]}}"#,
      #"{"normPool":{"channels":6,"height":8,"window":4}}"#, #"{}"#, #"{"other":{}}"#,
      #"{"normPool":{"channels":6,"side":8,"window":4},"flatten":{"inputShape":[6,2,2]}}"#,
    ])
  func notLayers(text: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(LayerSpecification.self, from: Data(text.utf8))
    }
  }

  @Test("a network keeps the numerator of its steps, and makes them again with it")
  func numerator() {
    var layers = Self.possible
    layers[2] = .convolution(
      image: [6, 8, 8], inner: 5, kernel: 3,
      step: StepSize(rule: .power, value: 0.1, numerator: 8))
    var network = CPLNetwork<Float>(layers, seed: 3)
    #expect(network.layers.map(\.specification) == layers)
    let before = network[stepped: 2]
    network.updateSteps(iterations: 3, workers: .serial)
    let estimate = PowerMethod(before.linearMap, from: before.powerVector, iterations: 3).estimate
    #expect(network[stepped: 2].stepSize == 8 / (estimate * estimate + 1e-4))
  }

  @Test("a possible network has no problem")
  func possible() {
    #expect(LayerSpecification.problem(in: Self.possible) == nil)
  }

  @Test(
    "an impossible layer is found, whatever its numbers are",
    arguments: [
      (0, .normalize(mean: [0, 0, 0], standardDeviation: [1, 1], image: [3, 8, 8])),
      (0, .normalize(mean: [0, .nan, 0], standardDeviation: [1, 1, 1], image: [3, 8, 8])),
      (0, .normalize(mean: [0, 0, 0], standardDeviation: [1, 0, 1], image: [3, 8, 8])),
      (0, .normalize(mean: [0, 0, 0], standardDeviation: [1, -1, 1], image: [3, 8, 8])),
      (0, .normalize(mean: [0, 0, 0], standardDeviation: [1, .infinity, 1], image: [3, 8, 8])),
      (
        0,
        .normalize(
          mean: [0, 0, 0], standardDeviation: [1, .leastNonzeroMagnitude, 1], image: [3, 8, 8])
      ),
      (0, .normalize(mean: [0, 0, 0], standardDeviation: [1, 1, 1], image: [3, 0, 0])),
      (0, .normalize(mean: [], standardDeviation: [], image: [0, 8, 8])),
      (1, .padding(.clone, image: [3, 8, 8], channels: 7)),
      (1, .padding(.zero, image: [3, 8, 8], channels: 2)),
      (1, .padding(.clone, image: [0, 8, 8], channels: 6)),
      (1, .padding(.zero, image: [3, .max, .max], channels: .max)),
      (2, .convolution(image: [6, 8, 8], inner: 5, kernel: 4, step: step)),
      (2, .convolution(image: [6, 8, 8], inner: 5, kernel: 65, step: step)),
      (2, .convolution(image: [6, 8, 8], inner: 0, kernel: 3, step: step)),
      (2, .convolution(image: [6, 8, 8], inner: 5, kernel: -3, step: step)),
      (2, .convolution(image: [.max, .max, .max], inner: .max, kernel: 3, step: step)),
      (
        2,
        .convolution(
          image: [6, 8, 8], inner: 5, kernel: 3, step: StepSize(rule: .power, value: .nan))
      ),
      (
        2,
        .convolution(
          image: [6, 8, 8], inner: 5, kernel: 3, step: StepSize(rule: .power, value: -0.1))
      ),
      (3, .normPool(image: [6, 8, 8], window: 3)),
      (3, .normPool(image: [6, 8, 8], window: 0)),
      (4, .flatten(image: [.max, .max, .max])),
      (5, .linear(features: 24, inner: 0, step: step)),
      (5, .linear(features: 25, inner: 7, step: step)),
      (5, .linear(features: 24, inner: 7, step: StepSize(rule: .power, value: .infinity))),
      (
        5,
        .linear(
          features: 24, inner: 7, step: StepSize(rule: .power, value: 1, numerator: .nan))
      ),
      (
        5, .linear(features: 24, inner: 7, step: StepSize(rule: .power, value: 1, numerator: 0))
      ),
      (6, .poolingLinear(.max, features: 24, classes: 25)),
      (6, .poolingLinear(.max, features: 24, classes: 1)),
      (6, .lastLayerNormalised(features: 24, classes: 1)),
      (6, .lastLayerNormalised(features: 23, classes: 5)),
      (6, .flatten(image: [24, 1, 1])),
    ] as [(Int, LayerSpecification)])
  func impossible(position: Int, layer: LayerSpecification) {
    var layers = Self.possible
    layers[position] = layer
    #expect(LayerSpecification.problem(in: layers) != nil)
  }

  @Test("a network needs layers, a normalisation first, a head last, and shapes that fit")
  func structure() {
    func expectProblem(_ layers: [LayerSpecification]) {
      #expect(LayerSpecification.problem(in: layers) != nil)
    }
    expectProblem([])
    expectProblem(Array(Self.possible.dropFirst()))
    expectProblem(Array(Self.possible.dropLast()))
    for position in 1..<Self.possible.count - 1 where position != 2 && position != 5 {
      var layers = Self.possible
      layers.remove(at: position)
      expectProblem(layers)
    }
    expectProblem(
      Self.possible.prefix(3) + Array(repeating: Self.possible[2], count: 10_000)
        + Self.possible.suffix(4))
  }
}
