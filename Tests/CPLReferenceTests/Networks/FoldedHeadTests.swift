// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("The last dense layer and the head as one map")
struct FoldedHeadTests {
  @Test("binary32 differs from the layers one by one by rounding alone, and not between recordings")
  func rounding() throws {
    let configuration = ModelRecipe(
      convolutionLayers: 1, channels: 4, linearLayers: 2, linearInner: 40, classes: 3,
      image: [3, 8, 8])
    var network = CPLNetwork<Float>(
      configuration.layers(mean: [0, 0, 0], standardDeviation: [1, 1, 1]), seed: 1)
    network.updateSteps(iterations: 3, workers: .serial)
    let images = Tensor<Float>.uniform([5, 3, 8, 8], stream: 106)
    let gradient = Tensor<Float>.normal([5, 3], stream: 107)
    let whole = network.record(images, recording: .everything, workers: .serial)
    let masks = network.record(images, recording: .masks, workers: .serial)
    let logits = network.logits(images, workers: Workers(threads: 2))
    #expect(masks.logits.bytes == logits.bytes)
    #expect(relativeError(logits, whole.logits) < 1e-5)
    let imageGradient = network.backward(gradient, whole, workers: .serial).images
    #expect(
      relativeError(network.inputGradient(gradient, masks, workers: .serial), imageGradient) < 1e-5)
    #expect(
      logits.slice(3..<4).bytes == network.logits(images.slice(3..<4), workers: .serial).bytes)
  }
}
