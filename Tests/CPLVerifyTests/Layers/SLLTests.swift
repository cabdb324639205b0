// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing
import TestSupport

/// SDP-based Lipschitz layers: against PyTorch, and what is proved of them.
@Suite("SLL") struct SLLTests {
  private static let specifications: [LayerSpecification] = [
    .sllConvolution(image: ImageShape(channels: 6, height: 8, width: 7), inner: 5, kernel: 3),
    .sllLinear(features: 20, inner: 12),
  ]

  private func recorded(_ path: String) throws -> Tensor<Double> {
    let file = try HDF5File.open(
      Fixture.repository.appending(path: "fixtures/sll/sll.h5").path)
    return path.hasPrefix("/inputs")
      ? try file.readTensor(of: Float.self, from: path).converted()
      : try file.readTensor(of: Double.self, from: path)
  }

  @Test("outputs are PyTorch's to 1e-12, gradients to 1e-10", arguments: [0, 1])
  func parity(_ index: Int) throws {
    let (group, specification) = (["conv", "linear"][index], Self.specifications[index])
    let names = specification.parameterShapes.map(\.name)
    var layer: any Layer<Double> = CPLNetwork<Double>(
      [specification], parameters: [try names.map { try recorded("/inputs/\(group)/\($0)") }],
      buffers: [[]]
    ).layers[0]
    var derived = try #require(layer as? any DerivedWeightsLayer<Double>)
    let follow = derived.deriveWeights(densePowerGradient: false)
    layer = derived
    let (output, cache) = layer.forward(
      try recorded("/inputs/\(group)/x"), recording: .everything, workers: .serial)
    #expect(relativeError(output, try recorded("/f64/\(group)/y")) < 1e-12)
    var (input, gradient) = layer.backward(
      try recorded("/inputs/\(group)/g"), cache, workers: .serial)
    follow(&gradient, .serial)
    #expect(relativeError(input, try recorded("/f64/\(group)/grad_x")) < 1e-10)
    for (name, value) in zip(names, gradient.parameters) {
      #expect(relativeError(value, try recorded("/f64/\(group)/grad_\(name)")) < 1e-10, "\(name)")
    }
  }

  /// A network of SLL layers and a head on 3×8×8 pictures in 3 classes.
  static func network(seed: UInt64) -> CPLNetwork<Float> {
    let image = ImageShape(channels: 3, height: 8, width: 8)
    let hidden = image.with(channels: 6)
    return CPLNetwork(
      [
        .normalize(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1], image: image),
        .padding(.zero, image: image, channels: 6),
        .sllConvolution(image: hidden, inner: 5, kernel: 3),
        .sllConvolution(image: hidden, inner: 5, kernel: 3), .normPool(image: hidden, window: 4),
        .flatten(image: hidden.pooled(by: 4)), .sllLinear(features: 24, inner: 16),
        .lastLayerNormalised(features: 24, classes: 3),
      ], seed: seed)
  }

  private static func images(_ count: Int, seed: UInt64) -> Tensor<Float> {
    var random = CounterRandom(seed: seed, purpose: .properties)
    return Tensor(
      shape: [count, 3, 8, 8], elements: (0..<count * 192).map { _ in Float(random.uniform()) })
  }

  @Test("trained, bounded by 1 + 1e-6, certified soundly and locally; no attack reaches a radius")
  func life() throws {
    var network = Self.network(seed: 3)
    let images = Self.images(48, seed: 5)
    let labels = (0..<48).map { $0 % 3 }
    var adam = Adam<Float>(shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
    var losses: [Float] = []
    for _ in 0..<30 {
      let (loss, _, gradients) = network.trainingGradient(
        images: images, labels: labels, loss: MarginLoss(margin: 0.7), densePowerGradient: false,
        workers: .serial)
      losses.append(loss)
      adam.update(&network, gradients: gradients, learningRate: 0.01, workers: .serial)
    }
    #expect(losses[29] < 0.9 * losses[0])
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    for bounds in verified.bounds.layers {
      guard let norm = bounds.spectralNorm else { continue }
      #expect(norm.upperBound <= 1 + 1e-6)
      #expect(norm.upperBound > 0.1)
      #expect(bounds.lipschitzUpperBound == 1)
    }
    #expect(verified.bounds.lipschitzUpperBound == 1)
    let evaluated = EvaluatedNetwork(verified)
    let sound = try CertifiedNetwork(evaluated, .sound).certify(images, workers: .serial).radii
    let (predictions, radii) = try CertifiedNetwork(evaluated, .local).certify(
      images, workers: .serial)
    #expect(sound.contains { $0 > 0 })
    #expect(zip(sound, radii).allSatisfy { $0 <= $1 })
    // Down the gradient of the margin to just below each radius.
    let wide = network.converted(to: Double.self)
    for image in 0..<images.shape[0] where radii[image] > 0 {
      var x: Tensor<Double> = images.slice(image..<image + 1).converted()
      let start = x
      for _ in 0..<20 {
        let pass = wide.record(x, recording: .masks, workers: .serial)
        var slope = Tensor<Double>(shape: pass.logits.shape)
        let runnerUp = pass.logits.elements.indices.filter { $0 != predictions[image] }
          .max { pass.logits.elements[$0] < pass.logits.elements[$1] }
        slope.elements[predictions[image]] = -1
        slope.elements[try #require(runnerUp)] = 1
        let gradient = wide.inputGradient(slope, pass, workers: .serial)
        x.add(gradient, scale: 0.3 * radii[image] / max(gradient.norm, 1e-30))
        var step = x
        step.add(start, scale: -1)
        if step.norm > radii[image] {
          x = start
          x.add(step, scale: radii[image] * (1 - 1e-12) / step.norm)
        }
      }
      #expect(wide.logits(x, workers: .serial).rowMaxima == [predictions[image]])
    }
  }

  @Test("what is executed in binary64 is what was bounded in binary32")
  func conversion() throws {
    let network = Self.network(seed: 4)
    let wide = network.converted(to: Double.self)
    for (narrow, wide) in zip(network.layers, wide.layers) {
      guard let narrow = narrow as? any ConvexPotentialLayer<Float>,
        let wide = wide as? any ConvexPotentialLayer<Double>
      else { continue }
      var random = CounterRandom(seed: 1, purpose: .properties)
      let x = Tensor<Double>(
        shape: wide.linearMap.inputShape,
        elements: (0..<wide.linearMap.inputShape.reduce(1, *)).map { _ in random.uniform() })
      let difference = relativeError(
        narrow.linearMap.apply(x.converted(to: Float.self)), wide.linearMap.apply(x))
      #expect(difference < 1e-5)
      #expect(narrow.bias.converted(to: Double.self) == wide.bias)
    }
  }

  @Test("a report has its sizes, and never the paper's name")
  func summary() {
    var summary = ModelSummary(Self.network(seed: 1))
    #expect(summary.layers == "sll")
    #expect(
      summary.convolutionLayers == 2 && summary.channels == 6 && summary.convolutionInner == 5)
    #expect(summary.linearLayers == 1 && summary.linearInner == 16)
    (summary.convolutionLayers, summary.channels, summary.convolutionInner) = (20, 45, 5)
    (summary.linearLayers, summary.linearInner) = (7, 2048)
    #expect(summary.paperName == nil)
    summary.layers = nil
    #expect(summary.paperName == "CPL-S")
  }

  @Test("weights written to a file are read again as the same network")
  func storage() throws {
    let network = Self.network(seed: 6)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cpl-verify-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try network.write(
      to: path,
      description: CheckpointDescription(
        profile: .corrected, createdBy: "a test", gitCommit: "none"))
    let read = try Checkpoint(path: path).network
    #expect(try read.digest() == network.digest())
    let images = Self.images(4, seed: 7)
    #expect(
      read.logits(images, workers: .serial).elements
        == network.logits(images, workers: .serial).elements)
  }
}
