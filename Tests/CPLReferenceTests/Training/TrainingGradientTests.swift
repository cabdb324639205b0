// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("CPLNetwork.trainingGradient")
struct TrainingGradientTests {
  private let loss = MarginLoss(margin: 0.7)
  private let labels = [2, 0, 1]

  private func network(seed: UInt64 = 5, stepNumerator: Float = 2) -> CPLNetwork<Double> {
    var configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, convolutionInner: 3, linearLayers: 2, linearInner: 5,
      classes: 3, image: [3, 4, 4])
    configuration.stepNumerator = stepNumerator
    return CPLNetwork(
      configuration.layers(mean: [0.4, 0.5, 0.6], standardDeviation: [1, 0.5, 2]), seed: seed)
  }

  @Test(
    "every gradient is the derivative of the loss, through h and σ̂ too",
    arguments: 1...4, [2, 8] as [Float])
  func derivative(seed: UInt64, stepNumerator: Float) {
    let images = Tensor<Double>.uniform([3, 3, 4, 4], stream: 20)
    let start = network(seed: seed, stepNumerator: stepNumerator)
    var trained = start
    let (value, imageGradient, gradients) = trained.trainingGradient(
      images: images, labels: labels, loss: loss, densePowerGradient: false, workers: .serial)
    #expect(value > 0)

    /// The loss as a function of parameters: h follows σ̂ = ⟨W u, v⟩, v ∝ W u_old, with both u
    /// held fixed.
    func lossOf(_ network: CPLNetwork<Double>, _ images: Tensor<Double>) -> Double {
      var network = network
      for (position, (old, new)) in zip(
        network.steppedLayers, zip(start.powerVectors, trained.powerVectors))
      {
        let map = network[stepped: position].linearMap
        var v = map.apply(old)
        v.scale(by: 1 / (v.norm + 1e-12))
        network[stepped: position].stepSize = StepSize.fromEstimate(
          map.apply(new).dot(v), numerator: Double(stepNumerator))
      }
      return loss(network.logits(images, workers: .serial), labels: labels).loss
    }
    func expectDerivative(
      _ gradient: Tensor<Double>, at x: Tensor<Double>, _ name: String,
      of function: (Tensor<Double>) -> Double
    ) {
      let differences = FiniteDifferences.gradient(at: x, of: function)
      // The loss passes through seven layers of sums of up to 36 products each.
      let tolerance = FiniteDifferences.tolerance(
        magnitude: value, roundings: 7 * 2 * 36, gradient: differences)
      #expect(relativeError(gradient, differences) <= tolerance, "\(name)")
    }

    expectDerivative(imageGradient, at: images, "images") { lossOf(start, $0) }
    for (position, layer) in start.layers.enumerated() {
      for (index, (name, value)) in layer.parameters.enumerated() {
        expectDerivative(
          gradients[position].parameters[index], at: value, "\(layer.name)/\(name)"
        ) { changed in
          var network = start
          network.layers[position].updateParameters { if $0 == index { $1 = changed } }
          return lossOf(network, images)
        }
      }
    }
  }

  @Test("a training step leaves every layer its u and h of one iteration from the old u")
  func moves() {
    let start = network()
    var trained = start
    _ = trained.trainingGradient(
      images: .uniform([3, 3, 4, 4], stream: 21), labels: labels, loss: loss,
      densePowerGradient: false, workers: .serial)
    for position in start.steppedLayers {
      let (before, after) = (
        start[stepped: position], trained[stepped: position]
      )
      let iteration = PowerMethod(before.linearMap, from: before.powerVector, iterations: 1)
      #expect(after.powerVector.bytes == iteration.vector.bytes)
      #expect(after.stepSize == StepSize.fromEstimate(iteration.estimate))
      #expect(after.stepRule == .power)
    }
    #expect(trained.allParameters == start.allParameters)
  }

  @Test("the quirk `dense-power-gradient` changes the weights of dense layers alone")
  func quirk() {
    let images = Tensor<Double>.uniform([3, 3, 4, 4], stream: 22)
    func gradients(_ quirk: Bool) -> [LayerGradient<Double>] {
      var network = network()
      return network.trainingGradient(
        images: images, labels: labels, loss: loss, densePowerGradient: quirk, workers: .serial
      ).layers
    }
    let (corrected, published) = (gradients(false), gradients(true))
    for (position, layer) in network().layers.enumerated() {
      for index in layer.parameters.indices {
        let same =
          corrected[position].parameters[index].bytes
          == published[position].parameters[index].bytes
        #expect(same == !(layer is CPLLinear<Double> && index == 0), "\(layer.name) \(index)")
      }
    }
  }
}
