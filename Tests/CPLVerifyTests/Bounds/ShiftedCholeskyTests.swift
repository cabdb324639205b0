// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Proof of a largest eigenvalue by Cholesky's factorisation")
struct ShiftedCholeskyTests {
  /// Diagonal 2, neighbours −1: eigenvalues 2 − 2·cos(iπ/(n + 1)).
  static func secondDifference(order: Int) -> (SymmetricMatrix, SymmetricMatrix) {
    var dense = [Double](repeating: 0, count: order * order)
    var band = [Double](repeating: 0, count: order * 2)
    for i in 0..<order {
      dense[i * order + i] = 2
      band[2 * i] = 2
      if i + 1 < order {
        dense[i * order + i + 1] = -1
        band[2 * i + 1] = -1
      }
    }
    return (
      SymmetricMatrix(dense: dense, order: order),
      SymmetricMatrix(band: band, order: order, bandwidth: 1)
    )
  }

  @Test(
    "a value below the largest eigenvalue is never proved", arguments: [1e-13, 1e-9, 1e-3, 0.4])
  func belowTheLargestEigenvalue(relativeDistance: Double) {
    // λ_max = 2 + 2·cos(π/4) = 2 + √2, and for n = 2 exactly 3.
    let (dense, band) = Self.secondDifference(order: 3)
    let value = (2 + 2.0.squareRoot()) * (1 - relativeDistance)
    #expect(!dense.largestEigenvalueIsProved(atMost: value))
    #expect(!band.largestEigenvalueIsProved(atMost: value))
    let (small, smallBand) = Self.secondDifference(order: 2)
    #expect(!small.largestEigenvalueIsProved(atMost: 3.0.nextDown))
    #expect(!smallBand.largestEigenvalueIsProved(atMost: 3.0.nextDown))
  }

  @Test("the shift is needed: a bare factorisation accepts values that are too small")
  func shiftIsNeeded() {
    var random = CounterRandom(seed: 1, purpose: .test)
    var bareFactorisationAccepts = 0
    for _ in 0..<2000 {
      // I − G = [[p, q], [q, r]] with p·r < q², exactly, by a hair: an eigenvalue of G exceeds 1.
      // Numbers in ½ … 1 are multiples of 2⁻⁵³, so that 1 − p and 1 − r are exact.
      let p = 0.5 + random.uniform() / 2
      let q = p + (1 - p) * random.uniform() / 2
      let square = Rounding.down.product(q, q)
      let r = Rounding.down.quotient(square, p)
      guard r < 1, Exact.signOfProduct(p, r, minus: square) < 0 else { continue }
      let matrix = SymmetricMatrix(dense: [1 - p, -q, -q, 1 - r], order: 2)
      #expect(!matrix.largestEigenvalueIsProved(atMost: 1), "p = \(p), q = \(q)")
      var difference = [p, q, q, r]
      if LAPACK.choleskyFactor(&difference, order: 2) == 0 { bareFactorisationAccepts += 1 }
    }
    #expect(bareFactorisationAccepts > 0)
  }

  @Test("a value a little above it is", arguments: [1, 2, 3, 50])
  func aboveTheLargestEigenvalue(order: Int) {
    let (dense, band) = Self.secondDifference(order: order)
    // 4 is above every eigenvalue, by more than 0.003 for n = 50.
    #expect(dense.largestEigenvalueIsProved(atMost: 4))
    #expect(band.largestEigenvalueIsProved(atMost: 4))
  }

  @Test("an estimate that is too low is raised, one that is far too low is given up")
  func estimates() throws {
    let (dense, band) = Self.secondDifference(order: 3)
    let largest = 2 + 2.0.squareRoot()
    for matrix in [dense, band] {
      let bound = try #require(
        SymmetricMatrix.provedUpperBound(estimate: largest * (1 - 3e-8)) { matrix })
      #expect(bound > largest && bound < largest * (1 + 1e-6))
      #expect(SymmetricMatrix.provedUpperBound(estimate: largest * 0.99) { matrix } == nil)
      #expect(SymmetricMatrix.provedUpperBound(estimate: .nan) { matrix } == nil)
    }
  }

  @Test("NaN proves nothing, wherever it stands")
  func notANumber() {
    for index in [0, 1, 2, 4, 5, 8] {
      var elements: [Double] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
      elements[index] = .nan
      #expect(
        !SymmetricMatrix(dense: elements, order: 3).largestEigenvalueIsProved(atMost: 10),
        "at \(index)")
    }
    #expect(
      !SymmetricMatrix(band: [1, .nan, 1, 0], order: 2, bandwidth: 1)
        .largestEigenvalueIsProved(atMost: 10))
    let one = SymmetricMatrix(dense: [1], order: 1)
    #expect(!one.largestEigenvalueIsProved(atMost: .nan))
    #expect(!one.largestEigenvalueIsProved(atMost: .infinity))
  }

  @Test("Lanczos' method finds the largest eigenpair, or says that there is none")
  func lanczos() throws {
    // Eigenvalues 1, 2, …, 300.
    let estimate = try #require(
      Lanczos.largestEigenpair(order: 300) { x, y in
        for i in 0..<300 { y[i] = Double(i + 1) * x[i] }
      })
    #expect((estimate.eigenvalue - 300).magnitude < 1e-8)
    #expect((estimate.vector[299].magnitude - 1).magnitude < 1e-8)
    let zero = Lanczos.largestEigenpair(order: 5) { _, y in for i in 0..<5 { y[i] = 0 } }
    #expect(zero == nil)
    let broken = Lanczos.largestEigenpair(order: 5) { _, y in for i in 0..<5 { y[i] = .nan } }
    #expect(broken == nil)
  }
}
