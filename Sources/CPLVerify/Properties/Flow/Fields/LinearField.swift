// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

/// F_t(x) = (M₀ + t·M₁) x, a linear field whose matrix is affine in time.
///
/// Along a polynomial curve of degree p it is a polynomial of degree p + 1.
package struct LinearField: VectorField {
  /// M₀.
  package let constant: SquareMatrix
  /// M₁.
  package let slope: SquareMatrix
  package let lowerRate: LinearRate
  package let upperRate: LinearRate
  private let constantNorm: Double
  private let slopeNorm: Double

  /// The field of two matrices of one order, with the rates claimed for it.
  package init(
    constant: SquareMatrix, slope: SquareMatrix, lowerRate: LinearRate, upperRate: LinearRate
  ) {
    precondition(constant.order == slope.order, "both matrices have one order")
    self.constant = constant
    self.slope = slope
    self.lowerRate = lowerRate
    self.upperRate = upperRate
    constantNorm = constant.frobeniusNormUpperBound
    slopeNorm = slope.frobeniusNormUpperBound
  }

  package var dimension: Int { constant.order }

  /// Each component is two sums of n products, one multiplication and one addition; and a time
  /// that was rounded once or twice on its way here changes M₁'s part by 2u of itself. γ_{n+4}
  /// of ‖M₀‖_F‖x‖ + t‖M₁‖_F‖x‖ covers all.
  package func evaluate(_ x: [Double], time: Double) -> Evaluation {
    var value = constant * x
    let moving = slope * x
    for index in value.indices { value[index].addProduct(time, moving[index]) }
    let norm = EuclideanNorm.upperBound(x)
    let magnitude = (constantNorm + time.magnitude * slopeNorm) * norm
    return Evaluation(
      value: value, errorBound: magnitude * Rounding.gamma(dimension + 6))
  }

  package func lipschitzUpperBound(until time: Double) -> Double {
    Rounding.up.sum(constantNorm, Rounding.up.product(time, slopeNorm))
  }
}

extension LinearField {
  /// (A₀ + t·A₁) x with random skew matrices whose entries are about `scale`/√n: μ = λ = 0.
  ///
  /// a_ji = −a_ij to the bit, so the field is skew as stored, at every computed time.
  package static func skew(
    dimension: Int, scale: Double, random: inout CounterRandom
  ) -> LinearField {
    let still = LinearRate(constant: 0)
    return LinearField(
      constant: .skew(order: dimension, scale: scale, random: &random),
      slope: .skew(order: dimension, scale: scale, random: &random), lowerRate: still,
      upperRate: still)
  }

  /// (S + t·s·I + A₀ + t·A₁) x with a symmetric S of the eigenvalues given and A_i as in `skew`:
  /// μ_t = min d + s·t and λ_t = max d + s·t, exactly.
  ///
  /// S = H diag(d) H/n with Sylvester's Hadamard matrix H, whose rows are orthogonal. Eigenvalues
  /// that are small multiples of one power of two make every sum exact, so S's eigenvalues are
  /// those given and nothing but; and S + A₀ is exact too, A₀'s entries being multiples of 2⁻²⁰.
  ///
  /// - Precondition: the number n of eigenvalues is a power of two.
  package static func known(
    eigenvalues: [Double], slope: Double, scale: Double, random: inout CounterRandom
  ) -> LinearField {
    let order = eigenvalues.count
    precondition(order.nonzeroBitCount == 1, "Sylvester's matrices have powers of two as orders")
    var symmetric = SquareMatrix(diagonal: eigenvalues)
    for row in 0..<order {
      for column in 0..<order {
        // (H diag(d) H)_ij = Σ_k ±d_k with the sign of ⟨i xor j, k⟩ over bits.
        let sum = (0..<order).reduce(0) { total, k in
          total
            + (((row ^ column) & k).nonzeroBitCount.isMultiple(of: 2)
              ? eigenvalues[k] : -eigenvalues[k])
        }
        symmetric[row, column] = sum / Double(order)
      }
    }
    let (lowest, highest) = (eigenvalues.min() ?? 0, eigenvalues.max() ?? 0)
    let drift = SquareMatrix(diagonal: Array(repeating: slope, count: order))
    return LinearField(
      constant: symmetric
        + .skew(order: order, scale: scale, random: &random),
      slope: drift + .skew(order: order, scale: scale, random: &random),
      lowerRate: LinearRate(constant: lowest, slope: slope),
      upperRate: LinearRate(constant: highest, slope: slope))
  }
}

extension SquareMatrix {
  /// A random matrix with a_ji = −a_ij to the bit, entries normal of deviation `scale`/√order, and
  /// rounded to multiples of 2⁻²⁰, which makes them numbers of binary32 below 16.
  package static func skew(
    order: Int, scale: Double, random: inout CounterRandom
  ) -> SquareMatrix {
    var matrix = SquareMatrix(order: order, elements: Array(repeating: 0, count: order * order))
    let deviation = scale / Double(order).squareRoot()
    for row in 0..<order {
      for column in 0..<row {
        let entry = (random.normalPair().0 * deviation * 0x1p20).rounded() * 0x1p-20
        matrix[row, column] = entry
        matrix[column, row] = -entry
      }
    }
    return matrix
  }

  /// ‖A‖₂ between two proved bounds.
  ///
  /// - Precondition: the elements are numbers of binary32.
  /// - Throws: what `VerifiedSpectralNorm.dense` throws.
  package func spectralNormEnclosure() throws(VerificationError) -> SpectralNormEnclosure {
    precondition(
      elements.allSatisfy { Double(Float($0)) == $0 || $0.isNaN }, "the matrix is one of binary32")
    return try VerifiedSpectralNorm.dense(
      Tensor(shape: [order, order], elements: elements.map { Float($0) }))
  }

  /// A unit vector that A stretches most, as far as Lanczos' method finds it.
  package var topDirection: [Double] {
    TopDirection.of(DenseMap(weights: Tensor(shape: [order, order], elements: elements))).elements
  }
}
