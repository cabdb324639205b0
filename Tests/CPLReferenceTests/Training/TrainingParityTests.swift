// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// Fifty steps of training next to PyTorch's, as one number for each kind of quantity: all losses,
/// all σ̂, all parameters and all u, ‖a − b‖∞/‖b‖∞.
@Suite("Fifty training steps next to PyTorch")
struct TrainingParityTests {
  /// What a run came to, every quantity one list.
  private struct Run {
    var losses: [Double] = []
    var estimates: [Double] = []
    var parameters: [Double] = []
    var powerVectors: [Double] = []

    /// The quantities under their names.
    var quantities: [(name: String, values: [Double])] {
      [
        ("losses", losses), ("σ̂", estimates), ("parameters", parameters), ("u", powerVectors),
      ]
    }
  }

  private func train<Scalar: TensorScalar>(_ type: Scalar.Type, variant: String) throws -> Run {
    var network = try RecordedNetwork.initial(type)
    var optimizer = Adam<Scalar>(
      shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
    let images: Tensor<Scalar> = try Fixture.input("training/images")
    let labels = try Fixture.labels("training/labels")
    var run = Run()
    for (step, rate) in try Fixture.rates("training/learning_rates").enumerated() {
      let batch = step % 5
      let (loss, _, gradients) = network.trainingGradient(
        images: images.slice(batch..<batch + 1).reshaped([16, 3, 16, 16]),
        labels: Array(labels[batch * 16..<(batch + 1) * 16]), loss: MarginLoss(margin: 0.7),
        densePowerGradient: variant == "published", workers: .serial)
      run.losses.append(Double(loss))
      run.estimates += network.estimates
      optimizer.update(&network, gradients: gradients, learningRate: rate, workers: .serial)
    }
    run.parameters = network.allParameters
    run.powerVectors = network.powerVectors.flatMap { $0.elements.map { Double($0) } }
    return run
  }

  private func recorded(
    _ variant: String, _ read: (String) throws -> [Double]
  ) rethrows -> Run {
    let group = "training/\(variant)"
    return Run(
      losses: try read("\(group)/losses"), estimates: try read("\(group)/sigma"),
      parameters: try RecordedNetwork.parameterNames.flatMap { layer, names in
        try names.flatMap { try read("\(group)/parameters/\(layer)/\($0)") }
      },
      powerVectors: try RecordedNetwork.powerLayers.flatMap {
        try read("\(group)/buffers/\($0)/u")
      })
  }

  @Test("binary64 is PyTorch's binary64 to 1e-8", arguments: ["corrected", "published"])
  func binary64(variant: String) throws {
    let ours = try train(Double.self, variant: variant)
    let theirs = try recorded(variant) { try Fixture.binary64($0).elements }
    for (our, their) in zip(ours.quantities, theirs.quantities) {
      let error = relativeError(our.values, their.values)
      #expect(error <= 1e-8, "\(our.name)")
    }
  }

  @Test(
    "binary32 is as near to PyTorch's binary64 as twice PyTorch's own binary32",
    arguments: ["corrected", "published"])
  func binary32(variant: String) throws {
    let ours = try train(Float.self, variant: variant)
    let narrow = try recorded(variant) { try Fixture.binary32($0).elements.map { Double($0) } }
    let wide = try recorded(variant) { try Fixture.binary64($0).elements }
    for (index, (name, values)) in wide.quantities.enumerated() {
      let error = relativeError(ours.quantities[index].values, values)
      let gap = relativeError(narrow.quantities[index].values, values)
      #expect(error <= 2 * gap, "\(name)")
    }
  }

  @Test("the two variants of `dense-power-gradient` end apart")
  func variantsDiffer() throws {
    let corrected = try train(Double.self, variant: "corrected").parameters
    let published = try train(Double.self, variant: "published").parameters
    #expect(relativeError(published, corrected) > 0.01)
  }
}
