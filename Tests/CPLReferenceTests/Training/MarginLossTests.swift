// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("MarginLoss")
struct MarginLossTests {
  private let loss = MarginLoss(margin: 0.7)

  @Test("loss and gradient are PyTorch's", arguments: precisions)
  func parity(_ type: any TensorScalar.Type) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let bounds = ParityBounds.of(type)
      let (value, gradient) = loss(
        try Fixture.input("loss/logits", as: type), labels: try Fixture.labels("loss/labels"))
      try expect(value, isRecordedAs: "loss", of: "loss", within: bounds.outputs)
      try expect(gradient, isRecordedAs: "loss/grad_logits", within: bounds.gradients)
    }
    try check(type)
  }

  @Test("the gradient is the derivative")
  func derivative() {
    let logits = Tensor<Double>.normal([4, 6], stream: 10)
    let labels = [0, 5, 2, 2]
    let differences = FiniteDifferences.gradient(at: logits) { loss($0, labels: labels).loss }
    let tolerance = FiniteDifferences.tolerance(
      magnitude: loss(logits, labels: labels).loss, roundings: 24 * 3, gradient: differences)
    #expect(relativeError(loss(logits, labels: labels).gradient, differences) <= tolerance)
  }

  @Test("an image whose margin is exceeded costs nothing and moves nothing")
  func zero() {
    let logits = Tensor<Double>(shape: [1, 3], elements: [0.1, 1, 0.25])
    let (value, gradient) = loss(logits, labels: [1])
    #expect(value == 0)
    #expect(gradient.elements == [0, 0, 0])
  }

  @Test("a margin missed by a known amount costs that amount over the classes")
  func value() {
    let logits = Tensor<Double>(shape: [1, 4], elements: [0, 0.5, 1, -2])
    // Label 1: 0.7 − 0.5 + 0 = 0.2 and 0.7 − 0.5 + 1 = 1.2; class 3 is far enough below.
    let (value, gradient) = loss(logits, labels: [1])
    #expect(abs(value - 1.4 / 4) <= gamma(8, Double.self) * 1.4)
    #expect(gradient.elements == [0.25, -0.5, 0.25, 0])
  }

  @Test("a logit that is not a number makes the loss one that is not", arguments: [0, 1, 2])
  func notANumber(position: Int) {
    var logits = Tensor<Float>(shape: [1, 3], elements: [5, 0, 0])
    logits.elements[position] = .nan
    #expect(loss(logits, labels: [0]).loss.isNaN)
  }
}
