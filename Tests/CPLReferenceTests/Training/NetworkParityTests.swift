// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("A whole network next to PyTorch")
struct NetworkParityTests {
  @Test(
    "one training step's loss, gradients and u are PyTorch's", arguments: precisions,
    ["corrected", "published"])
  func trainingStep(_ type: any TensorScalar.Type, variant: String) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let bounds = ParityBounds.of(type)
      var network = try RecordedNetwork.initial(type)
      let images: Tensor<Scalar> = try Fixture.input("net/images")
      let labels = try Fixture.labels("net/labels")
      let (loss, imageGradient, gradients) = network.trainingGradient(
        images: images, labels: labels, loss: MarginLoss(margin: 0.7),
        densePowerGradient: variant == "published", workers: .serial)
      try expect(loss, isRecordedAs: "loss", of: "net", within: bounds.outputs)
      try expect(imageGradient, isRecordedAs: "net/grad_images", within: bounds.gradients)
      for (position, (layer, names)) in zip(
        RecordedNetwork.parameterPositions, RecordedNetwork.parameterNames)
      {
        #expect(gradients[position].parameters.count == names.count)
        for (name, gradient) in zip(names, gradients[position].parameters) {
          let suffix = name == "weights" ? "_\(variant)" : ""
          try expect(
            gradient, isRecordedAs: "net/gradients/\(layer)/\(name)\(suffix)",
            within: bounds.gradients)
        }
      }
      for (layer, vector) in zip(RecordedNetwork.powerLayers, network.powerVectors) {
        try expect(vector, isRecordedAs: "net/buffers_after/\(layer)/u", within: bounds.outputs)
      }
      try expect(
        Tensor(shape: [5], elements: network.stepSizes), isRecordedAs: "net/step_size",
        within: bounds.outputs)

      // The steps and u that the training step has left are those that its forward pass used.
      let features = network.features(images, workers: .serial)
      try expect(features, isRecordedAs: "net/features", within: bounds.outputs)
      let logits = network.logits(images, workers: .serial)
      try expect(logits, isRecordedAs: "net/logits", within: bounds.outputs)
      try expect(
        MarginLoss(margin: 0.7)(logits, labels: labels).gradient,
        isRecordedAs: "net/grad_logits", within: bounds.gradients)
    }
    try check(type)
  }

  @Test("every layer's σ̂ in a training step is PyTorch's", arguments: precisions)
  func estimates(_ type: any TensorScalar.Type) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      var network = try RecordedNetwork.initial(type)
      let iterations = network.updateSteps(iterations: 1, workers: .serial)
      try expect(
        Tensor(shape: [5], elements: iterations.map(\.estimate)), isRecordedAs: "net/sigma",
        within: ParityBounds.of(type).outputs)
    }
    try check(type)
  }

  @Test("the published pipeline's evaluation gives PyTorch's σ̂ and logits", arguments: precisions)
  func evaluation(_ type: any TensorScalar.Type) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let bounds = ParityBounds.of(type)
      var network = try RecordedNetwork.initial(type)
      let iterations = network.updateSteps(
        iterations: CPLNetwork<Scalar>.evaluationIterations, workers: .serial)
      try expect(
        Tensor(shape: [5], elements: iterations.map(\.estimate)),
        isRecordedAs: "net/evaluation/sigma", within: bounds.outputs)
      try expect(
        network.logits(try Fixture.input("net/images"), workers: .serial),
        isRecordedAs: "net/evaluation/logits", within: bounds.outputs)
    }
    try check(type)
  }
}
