// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Layers without a power method")
struct PlainLayerTests {
  private func output<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ elements: [Scalar]
  ) -> [Scalar] {
    layer.forward(
      Tensor(shape: [1] + layer.inputShape, elements: elements), recording: .nothing,
      workers: .serial
    ).output.elements
  }

  @Test("normalising subtracts each channel's mean and divides by its deviation")
  func normalize() {
    let layer = Normalize<Double>(
      name: "n", mean: [0.5, 0.25], standardDeviation: [0.5, 2], image: [2, 2, 2])
    #expect(
      output(layer, [0, 0.5, 1, 1.5, 0, 0.25, 1.25, 2.25]) == [-1, 0, 1, 2, 0 - 0.125, 0, 0.5, 1])
  }

  @Test("zero padding keeps the image and adds zeros; cloning keeps its norm")
  func padding() {
    let zero = PaddingChannels<Double>(
      name: "p", padding: .zero, image: [1, 1, 1], channels: 3)
    #expect(output(zero, [7]) == [7, 0, 0])
    let clone = PaddingChannels<Double>(
      name: "p", padding: .clone, image: [2, 1, 1], channels: 8)
    #expect(output(clone, [6, -2]) == [3, -1, 3, -1, 3, -1, 3, -1])
    #expect(clone.cloneDivisor == 2)
  }

  @Test("pooling adds windows and divides by their side, so that a constant keeps its norm")
  func normPool() {
    let layer = NormPool<Double>(name: "p", image: [1, 4, 4], window: 2)
    #expect(
      output(layer, [1, 2, 5, 0, 3, 4, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1]) == [5, 2.5, 0.5, 2])
    #expect(output(layer, Array(repeating: 1, count: 16)) == [2, 2, 2, 2])
  }

  @Test("flattening keeps the order")
  func flatten() {
    let layer = Flatten<Double>(name: "f", image: [2, 1, 2])
    #expect(layer.outputShape == [4])
    #expect(output(layer, [1, 2, 3, 4]) == [1, 2, 3, 4])
  }

  @Test("a pooling head with a fractional k leaves the last features out")
  func poolingLinear() {
    func head(_ pooling: FeaturePooling) -> PoolingLinear<Double> {
      PoolingLinear(name: "h", pooling: pooling, features: 8, classes: 3)
    }
    let x: [Double] = [1, 5, 3, -1, -4, -2, 100, 200]
    #expect(head(.truncate).groupSize == 2)
    #expect(output(head(.truncate), x) == [1, 5, 3])
    #expect(output(head(.max), x) == [5, 3, -2])
    // √k times the mean, k = 8/3.
    #expect(head(.mean).meanFactor == (8.0 / 3).squareRoot())
    #expect(output(head(.mean), x) == [3, 1, -3].map { head(.mean).meanFactor * $0 })
    #expect(head(.max).unitRows == nil)
  }

  @Test("the normalised last layer's rows have length 1, whatever the weights' lengths are")
  func unitRows() {
    var weights = Tensor<Double>.normal([4, 6], stream: 90)
    for index in 6..<12 { weights.elements[index] *= 1e6 }
    for index in 12..<18 { weights.elements[index] *= 1e-6 }
    let head = LastLayerNormalised(
      name: "h", weights: weights, bias: Tensor<Double>(shape: [4]))
    for row in 0..<4 {
      let length = head.unitRows!.slice(row..<row + 1).norm
      // The norm's own roundings, and one a quotient.
      #expect(abs(length - 1) <= gamma(12, Double.self))
    }
  }

  @Test("a row of zeros stays one, and nothing becomes infinite", arguments: precisions)
  func zeroRow(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      var weights = Tensor<Scalar>.normal([3, 5], stream: 91)
      for index in 5..<10 { weights.elements[index] = 0 }
      let head = LastLayerNormalised(
        name: "h", weights: weights, bias: Tensor(shape: [3], elements: [1, 2, 3]))
      #expect(head.normalized.norms[1] == 1e-12)
      let (output, record) = head.forward(
        head.sampleInput(2), recording: .everything, workers: .serial)
      #expect(output.elements[1] == 2)
      #expect(output.isFinite)
      let (input, gradients) = head.backward(head.sampleGradient(2), record, workers: .serial)
      #expect(input.isFinite)
      #expect(gradients.parameters.allSatisfy { $0.isFinite })
    }
    check(type)
  }

  @Test("changed weights are normalised again")
  func updatedHead() {
    var head = LastLayerNormalised<Double>(
      name: "h", weights: Tensor(shape: [2, 2], elements: [3, 4, 1, 0]),
      bias: Tensor(shape: [2]))
    #expect(head.normalized.norms == [5, 1])
    head.updateParameters { index, value in if index == 0 { value.elements[2] = 2 } }
    #expect(head.normalized.norms == [5, 2])
    #expect(head.normalized.rows.elements == [0.6, 0.8, 1, 0])
  }
}
