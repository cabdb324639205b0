// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("DenseMap")
struct DenseMapTests {
  private static let shapes = [[1, 1], [3, 5], [17, 9], [64, 33], [5, 130], [150, 7]]

  @Test("product, transposed product and gradient are the defining sums", arguments: shapes)
  func definition(shape: [Int]) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let weights = Tensor<Scalar>.normal(shape, stream: 40)
      let x = Tensor<Scalar>.normal([shape[1]], stream: 41)
      let v = Tensor<Scalar>.normal([shape[0]], stream: 42)
      let map = DenseMap(weights: weights)
      let wide = weights.converted(to: Double.self)
      func column(_ vector: Tensor<Scalar>) -> Tensor<Double> {
        vector.converted(to: Double.self).reshaped([vector.count, 1])
      }
      // Each element is a sum of at most 130 products of normal numbers; by Cauchy and Schwarz no
      // larger in absolutes than the two norms.
      let bound = gamma(shape.max()!, type) + gamma(shape.max()!, Double.self)
      func expect(_ value: Tensor<Scalar>, _ oracle: Tensor<Double>, magnitude: Double) {
        for (a, b) in zip(value.elements, oracle.elements) {
          #expect(abs(Double(a) - b) <= bound * magnitude)
        }
      }
      #expect(map.inputShape == [shape[1]])
      #expect(map.outputShape == [shape[0]])
      let norm = wide.norm
      expect(
        map.apply(x), Oracle.multiply(wide, column(x)), magnitude: norm * Double(x.norm))
      expect(
        map.applyTransposed(v), Oracle.multiply(Oracle.transpose(wide), column(v)),
        magnitude: norm * Double(v.norm))
      // One rounded product.
      let outer = Oracle.multiply(column(v), Oracle.transpose(column(x)))
      let gradient = map.weightGradient(input: x, output: v)
      #expect(gradient.elements == outer.elements.map { Scalar($0) })
      // Row by row, on any number of threads, the same bits as by sums of matrices.
      let (y, w) = (
        Tensor<Scalar>.normal([shape[1]], stream: 43), Tensor<Scalar>.normal([shape[0]], stream: 44)
      )
      var sum = gradient
      sum.add(map.weightGradient(input: y, output: w), scale: 1)
      sum.scale(by: 0.3)
      var expected = weights
      expected.add(sum, scale: 1)
      for threads in [1, 3] {
        var total = weights
        map.addWeightGradients(
          [(x, v), (y, w)], scale: 0.3, to: &total, workers: Workers(threads: threads))
        #expect(total.elements == expected.elements)
      }
    }
    check(Float.self)
    check(Double.self)
  }
}
