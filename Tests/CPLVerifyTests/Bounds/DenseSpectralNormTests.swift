// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Spectral norm of a dense layer")
struct DenseSpectralNormTests {
  static let shapes = [
    [1, 1], [1, 9], [9, 1], [2, 2], [7, 7], [5, 12], [12, 5], [40, 40], [30, 100], [100, 30],
  ]

  @Test("the enclosure holds LAPACK's value and is narrow", arguments: Samples.Kind.allCases)
  func enclosesSingularValue(kind: Samples.Kind) throws {
    for (index, shape) in (Self.shapes + Self.shapes).enumerated() {
      let weights = Tensor(
        shape: shape,
        elements: Samples.weights(
          kind, count: shape[0] * shape[1], group: shape[1], seed: UInt64(index)))
      let enclosure = try VerifiedSpectralNorm.dense(weights)
      let norm = try Samples.norm(weights.converted())
      let comment: Comment = "\(kind) \(shape), sample \(index)"
      #expect(enclosure.lowerBound <= norm.value + norm.error, comment)
      #expect(enclosure.upperBound >= norm.value - norm.error, comment)
      #expect(enclosure.relativeWidth <= 1e-6, comment)
      #expect(enclosure.method == (norm.value == 0 ? .zero : .cholesky), comment)
    }
  }

  @Test("matrices whose norm is known exactly lie inside without any tolerance")
  func knownNorms() throws {
    // Sylvester's Hadamard matrix of order 16 has all singular values 4.
    let hadamard = Tensor<Float>(
      shape: [16, 16],
      elements: (0..<256).map { (($0 / 16) & ($0 % 16)).nonzeroBitCount % 2 == 0 ? 1 : -1 })
    // An outer product of integers has norm √(Σa²·Σb²).
    let a: [Float] = [1, 2, 3, 4, 5, 6, 7]
    let b: [Float] = [3, -1, 4, -1, 5, -9, 2, -6, 5, 3, -5]
    let outer = Tensor<Float>(
      shape: [a.count, b.count], elements: a.flatMap { x in b.map { x * $0 } })
    let outerSquare = Double(
      a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 })
    let cases: [(Tensor<Float>, normSquared: Double)] = [
      (hadamard, 16), (outer, outerSquare),
      (Tensor(shape: [1, 1], elements: [-3]), 9),
      (Tensor(shape: [1, 2], elements: [3, 4]), 25),
      (Tensor(shape: [2, 2], elements: [5, 0, 0, 5]), 25),
    ]
    for (matrix, square) in cases {
      let enclosure = try VerifiedSpectralNorm.dense(matrix)
      #expect(
        Exact.signOfProduct(enclosure.lowerBound, enclosure.lowerBound, minus: square) <= 0)
      #expect(
        Exact.signOfProduct(enclosure.upperBound, enclosure.upperBound, minus: square) >= 0)
      #expect(enclosure.relativeWidth <= 1e-6)
    }
  }

  @Test("Gram iteration, which shares no step with the proof, agrees", arguments: [0, 1, 2])
  func gramIteration(seed: UInt64) throws {
    let weights = Tensor(
      shape: [60, 90], elements: Samples.weights(.uniform, count: 5400, group: 90, seed: seed))
    let enclosure = try VerifiedSpectralNorm.dense(weights)
    let matrix = weights.elements.map(Double.init)
    let bound = GramIteration.spectralNormUpperBound(matrix, rows: 60, columns: 90)
    #expect(bound >= enclosure.lowerBound)
    #expect(bound <= enclosure.upperBound * (1 + 1e-6))
    let transposed = (0..<5400).map { matrix[$0 % 60 * 90 + $0 / 60] }
    #expect(
      GramIteration.spectralNormUpperBound(transposed, rows: 90, columns: 60)
        >= enclosure.lowerBound)
  }

  @Test("a power of two in the weights is a power of two in the enclosure")
  func scalesExactly() throws {
    let numbers = Samples.weights(.uniform, count: 12, group: 4, seed: 3)
    let enclosure = try VerifiedSpectralNorm.dense(Tensor(shape: [3, 4], elements: numbers))
    let scaled = try VerifiedSpectralNorm.dense(
      Tensor(shape: [3, 4], elements: numbers.map { $0 * 0x1p100 }))
    #expect(scaled.lowerBound == enclosure.lowerBound * 0x1p100)
    #expect(scaled.upperBound == enclosure.upperBound * 0x1p100)
  }

  @Test("the same weights give the same bits")
  func isDeterministic() throws {
    let weights = Tensor(
      shape: [70, 50], elements: Samples.weights(.uniform, count: 3500, group: 50, seed: 8))
    #expect(try VerifiedSpectralNorm.dense(weights) == VerifiedSpectralNorm.dense(weights))
  }

  @Test("W = 0 has norm 0 exactly")
  func zero() throws {
    let enclosure = try VerifiedSpectralNorm.dense(Tensor<Float>(shape: [4, 6]))
    #expect(enclosure.lowerBound == 0)
    #expect(enclosure.upperBound == 0)
    #expect(enclosure.relativeWidth == 0)
    #expect(enclosure.method == .zero)
  }

  @Test("NaN and infinity are refused, with their place", arguments: [Float.nan, .infinity])
  func notFinite(value: Float) {
    var weights = Tensor<Float>(repeating: 1, shape: [3, 5])
    weights.elements[2 * 5 + 4] = value
    #expect(
      throws: VerificationError.notFinite(what: "weight matrix", location: "row 2, column 4")
    ) { try VerifiedSpectralNorm.dense(weights) }
  }

  @Test("what is no matrix is refused", arguments: [[6], [1, 2, 3], [0, 6], [6, 0], []])
  func notAMatrix(shape: [Int]) {
    #expect(
      throws: VerificationError.invalid(
        what: "weight matrix", expected: "two extents of at least 1", found: "shape \(shape)")
    ) { try VerifiedSpectralNorm.dense(Tensor(shape: shape)) }
  }
}
