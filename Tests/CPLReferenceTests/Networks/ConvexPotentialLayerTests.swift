// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Convex potential layers")
struct ConvexPotentialLayerTests {
  /// The layer x − h·relu(w x + b)·w of one number.
  private func scalarLayer(weight: Double, bias: Double, step: Double) -> CPLLinear<Double> {
    CPLLinear(
      name: "l", weights: Tensor(shape: [1, 1], elements: [weight]),
      bias: Tensor(shape: [1], elements: [bias]), stepRule: .fixed, stepSize: step,
      powerVector: Tensor(repeating: 1, shape: [1]))
  }

  private func value(_ layer: any Layer<Double>, _ x: Double) -> Double {
    layer.forward(
      Tensor(shape: [1] + layer.inputShape, elements: [x]), recording: .nothing, workers: .serial
    ).output.elements[0]
  }

  @Test("z = x − h Wᵀ relu(W x + b)")
  func definition() {
    let layer = scalarLayer(weight: 2, bias: -1, step: 0.25)
    #expect(value(layer, 3) == 3 - 0.25 * 2 * 5)
    #expect(value(layer, 0.5) == 0.5)
    #expect(value(layer, -4) == -4)
    let convolution = CPLConvolution<Double>(
      name: "c", kernel: Tensor(shape: [1, 1, 1, 1], elements: [2]),
      bias: Tensor(shape: [1], elements: [-1]), height: 1, width: 1, stepRule: .fixed,
      stepSize: 0.25,
      powerVector: Tensor(repeating: 1, shape: [1, 1, 1]))
    #expect(value(convolution, 3) == value(layer, 3))
    #expect(value(convolution, -4) == -4)
  }

  @Test("the step 2/‖W‖² keeps distances, and a larger one expands them")
  func steps() {
    let (near, far) = (3.0, 4.0)
    for (step, factor) in [(0.5, 1.0), (0.25, 0), (0.75, 2)] {
      let layer = scalarLayer(weight: 2, bias: 0, step: step)
      #expect(abs(value(layer, far) - value(layer, near)) == factor)
    }
  }

  @Test("a changed kernel is the kernel that the forward pass uses")
  func updatedKernel() {
    let start = CPLConvolution<Float>(
      name: "c", kernel: .normal([2, 3, 3, 3], stream: 100), bias: .normal([2], stream: 101),
      height: 6, width: 6, stepRule: .fixed, stepSize: 0.3,
      powerVector: .normal([3, 6, 6], stream: 102))
    var changed = start
    changed.updateParameters { index, value in
      if index == 0 { value = .normal([2, 3, 3, 3], stream: 103) }
    }
    let fresh = CPLConvolution<Float>(
      name: "c", kernel: .normal([2, 3, 3, 3], stream: 103), bias: .normal([2], stream: 101),
      height: 6, width: 6, stepRule: .fixed, stepSize: 0.3,
      powerVector: .normal([3, 6, 6], stream: 102))
    let x = start.sampleInput(2)
    func output(_ layer: CPLConvolution<Float>) -> [UInt8] {
      layer.forward(x, recording: .nothing, workers: .serial).output.bytes
    }
    #expect(output(changed) == output(fresh))
    #expect(output(changed) != output(start))
  }

  @Test("a network passes the same records and gradients as its layers one by one")
  func network() {
    let configuration = ModelRecipe(
      convolutionLayers: 1, channels: 4, linearLayers: 1, linearInner: 6, classes: 3,
      image: [3, 8, 8])
    var network = CPLNetwork<Double>(
      configuration.layers(mean: [0, 0, 0], standardDeviation: [1, 1, 1]), seed: 1)
    network.updateSteps(iterations: 3, workers: .serial)
    let images = Tensor<Double>.uniform([2, 3, 8, 8], stream: 104)
    let gradient = Tensor<Double>.normal([2, 3], stream: 105)
    let pass = network.record(images, recording: .everything, workers: .serial)
    let (imageGradient, layers) = network.backward(gradient, pass, workers: .serial)
    #expect(pass.logits.bytes == network.logits(images, workers: .serial).bytes)
    #expect(layers.count == network.layers.count)
    let masks = network.record(images, recording: .masks, workers: .serial)
    #expect(
      network.inputGradient(gradient, masks, workers: .serial).bytes == imageGradient.bytes)
    let head = network.layers.last!
    #expect(
      head.forward(
        network.features(images, workers: .serial), recording: .nothing, workers: .serial
      ).output.bytes == pass.logits.bytes)
    #expect(network.firstNonFiniteLayer(images, workers: .serial) == nil)
  }
}
