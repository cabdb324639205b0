// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Gram iteration")
struct GramIterationTests {
  @Test("bounds the norm from above at every number of iterations, ever closer")
  func decreases() throws {
    let matrix = Tensor<Double>(
      shape: [20, 13],
      elements: Samples.weights(.uniform, count: 260, group: 13, seed: 1).map(Double.init))
    let norm = try Samples.norm(matrix)
    var previous = Double.infinity
    for iterations in 0...24 {
      let bound = GramIteration.spectralNormUpperBound(
        matrix.elements, rows: 20, columns: 13, iterations: iterations)
      #expect(bound >= norm.value - norm.error)
      #expect(bound <= previous)
      previous = bound
    }
    #expect(previous <= norm.value * (1 + 1e-6))
  }

  @Test(
    "holds over the whole range of binary64", arguments: [0x1p-1030, 1e-300, 1e-160, 1e150, 1e300])
  func extremeScales(scale: Double) {
    // 3, 4 has norm 5.
    let bound = GramIteration.spectralNormUpperBound(
      [3 * scale, 0, 0, 4 * scale], rows: 2, columns: 2)
    #expect(bound >= 4 * scale)
    #expect(bound <= 4.0001 * scale)
    let row = GramIteration.spectralNormUpperBound([3 * scale, 4 * scale], rows: 1, columns: 2)
    #expect(row >= 5 * scale * (1 - 1e-15))
    #expect(row <= 5.0001 * scale)
  }

  @Test("is 0 for a matrix of zeros")
  func zero() {
    #expect(GramIteration.spectralNormUpperBound([0, 0, 0, 0], rows: 2, columns: 2) == 0)
  }

  @Test("stops as soon as the bound suffices")
  func sufficientBound() {
    let identity: [Double] = [1, 0, 0, 1]
    let bound = GramIteration.spectralNormUpperBound(
      identity, rows: 2, columns: 2, sufficientBound: 1.5)
    #expect(bound >= 2.0.squareRoot() && bound < 1.42)
  }
}
