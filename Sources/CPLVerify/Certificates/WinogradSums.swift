import CPLReference

/// How a 3×3 convolution T is computed in binary32: by Winograd's minimal filtering F(4, 3) along
/// the columns of pixels, in the order and the signs of `CPLKernels.h` (Lavin and Gray, *Fast
/// Algorithms for Convolutional Neural Networks*, CVPR 2016).
///
/// T = Σ_p A_p U_p B_p over six points p. B_p takes one combination t_p of six rows of inputs for
/// every four rows of outputs; U_p is a correlation along these rows, m_p = U_p t_p, in chains a third
/// as long as T's own would be; A_p spreads m_p over the four rows. No certificate rests on it.
package struct WinogradSums: RoundedProduct {
  package let elements: Int
  /// The summands of T.
  private let parts: [Part]

  /// A_p U_p B_p.
  private struct Part {
    /// At least ‖|A_p|‖₂, ‖U_p‖₂ and ‖|B_p|‖₂.
    let spread: Double, correlation: Double, combination: Double
    /// The chains that make m_p from t_p, and how many elements t_p has.
    let chains: FusedSums, inputs: Int
    /// The norm of what rounding the weights changes U_p by is at most this.
    let weightError: Double
  }

  /// The sums of T, given its kernel, outputs×inputs×3×3, and the side n ≥ 4 of its images.
  ///
  /// - Throws: `notFinite` for a kernel with transformed weights that are not finite.
  package init(kernel: Tensor<Float>, imageSide: Int) throws(VerificationError) {
    let (outputs, inputs) = (kernel.shape[0], kernel.shape[1])
    let rows = (imageSide + 3) / 4
    elements = outputs * imageSide * imageSide
    var parts: [Part] = []
    for point in WinogradPoint.all {
      let weights = Tensor(
        shape: [outputs, inputs, 1, 3],
        elements: kernel.columns { point.weight($0) })
      // U_p = [U₋₁ U₀ U₁] applied to three shifted copies of its input.
      let block = try VerifiedSpectralNorm.dense(
        Tensor(shape: [outputs, 3 * inputs], elements: weights.elements))
      let correlation = Rounding.up.product(Rounding.up.squareRoot(3), block.upperBound)
      parts.append(
        Part(
          spread: EuclideanNorm.upperBound(point.outputs), correlation: correlation,
          combination: point.combinationNormUpperBound,
          chains: FusedSums.convolution(
            kernel: weights, pixels: rows * imageSide, spectralNormUpperBound: correlation
          ).forward,
          inputs: inputs * rows * imageSide,
          weightError: Rounding.up.product(
            Rounding.up.squareRoot(3),
            EuclideanNorm.upperBound(kernel.columns { point.weightErrorBound($0) }))))
    }
    self.parts = parts
  }

  /// ‖fl(Ty) − Ty‖₂ ≤ the result for every y with ‖y‖₂ ≤ X = `norm`.
  ///
  /// *Norms.* A_p repeats the column a_p of Aᵀ without overlap, hence ‖|A_p|‖ = ‖a_p‖. B_p repeats
  /// the row b_p of Bᵀ every four rows, so that |B_p||B_p|ᵀ has ‖b_p‖² on its diagonal and twice at
  /// most, for the two rows that neighbours share, the product of |b_p|'s first and last two
  /// elements: Gershgorin's theorem bounds it. Of three shifted copies each has norm ‖t_p‖ at most.
  ///
  /// *Proof.* An input is rounded at most twice on its way into t_p, which therefore errs by
  /// γ₂‖|B_p|‖X at most, and T̃ = (1 + γ₂)‖|B_p|‖X bounds its norm. With c the error of the chains at
  /// T̃ (`FusedSums`) and δ the weights', m_p errs by c + ‖U_p‖γ₂‖|B_p|‖X + δ‖|B_p|‖X, and its norm
  /// is at most M = ‖U_p‖T̃ + c. An element of m_p is rounded at most three times on its way into an
  /// output. All in all
  ///
  ///     ‖fl(Ty) − Ty‖ ≤ Σ_p ‖a_p‖(c + (γ₂‖U_p‖ + δ)‖|B_p|‖X + γ₃M) + η₀-terms
  ///
  /// where an underflow on the way into t_p, or into an output, is multiplied by 4 at most.
  ///
  /// - Throws: `notFinite` when the evaluation might overflow.
  package func errorBound(
    norm: Double, in format: BinaryFormat
  ) throws(VerificationError) -> Double {
    let up = Rounding.up
    // A number on the way combines rows with coefficients that add up to less than 6 in magnitude.
    try format.require(up.product(8, norm), "transformed inputs of a layer")
    var error = format.underflow(roundings: 8, elements: elements)
    for part in parts {
      let exact = up.product(part.combination, norm)
      let inputError = up.sum(
        up.product(format.gamma(2), exact),
        format.underflow(roundings: 8, elements: part.inputs))
      let chainInput = up.sum(exact, inputError)
      let chainError = try part.chains.errorBound(norm: chainInput, in: format)
      let sums = up.sum(up.product(part.correlation, chainInput), chainError)
      try format.require(up.product(16, sums), "partial sums of a layer")
      let sumError = up.sum(
        chainError,
        up.sum(up.product(part.correlation, inputError), up.product(part.weightError, exact)))
      error = up.sum(
        error, up.product(part.spread, up.sum(sumError, up.product(format.gamma(3), sums))))
    }
    return error
  }
}

/// One of the points 0, ±3/4, ±3/2 and ∞ of F(4, 3): a row of Bᵀ and of G, and a column of Aᵀ. All
/// follow from Lagrange's interpolation of the product of two polynomials.
private struct WinogradPoint {
  /// z, or nil for ∞.
  let position: Double?

  private static let finite = [0, 0.75, -0.75, 1.5, -1.5]
  static let all = finite.map { WinogradPoint(position: $0) } + [WinogradPoint(position: nil)]

  /// b_p, of six rows of inputs: the coefficients of Π (x − z′) over the finite points z′ ≠ z, exact in
  /// binary64.
  private var inputs: [Double] {
    let others = Self.finite.filter { $0 != position }
    let product = others.reduce([1.0]) { coefficients, other in
      zip([0] + coefficients, coefficients + [0]).map { $0 - other * $1 }
    }
    return product + Array(repeating: 0, count: 6 - product.count)
  }

  /// a_p, for four rows of outputs: the powers of z.
  var outputs: [Double] {
    guard let z = position else { return [0, 0, 0, 1] }
    return [1, z, z * z, z * z * z]
  }

  /// 1/Π (z − z′), rounded once.
  private var scale: Double {
    guard let z = position else { return 1 }
    return 1 / Self.finite.filter { $0 != z }.reduce(1) { $0 * (z - $1) }
  }

  /// u_p of a column g of weights, the value at z of the polynomial with these coefficients by the
  /// scale.
  func weight(_ g: (Float, Float, Float)) -> Float {
    guard let z = position else { return g.2 }
    return Float(scale * (Double(g.0) + z * z * Double(g.2)) + scale * z * Double(g.1))
  }

  /// At least what rounding changes that by: four roundings a term in binary64, and one in binary32
  /// of their sum.
  func weightErrorBound(_ g: (Float, Float, Float)) -> Double {
    guard let z = position?.magnitude else { return 0 }
    let up = Rounding.up
    let magnitude = up.sum(
      up.sum(
        Double(g.0.magnitude), up.product(z, Double(g.1.magnitude))),
      up.product(z * z, Double(g.2.magnitude)))
    return up.sum(
      up.product(up.product(scale.magnitude, magnitude), 0x1p-24 + 0x1p-50),
      Double(Float.leastNonzeroMagnitude))
  }

  /// ‖|B_p|‖₂ ≤ the result (`WinogradSums.errorBound`).
  var combinationNormUpperBound: Double {
    let b = inputs.map(\.magnitude)
    let shared = Rounding.up.sum(
      Rounding.up.product(b[0], b[4]), Rounding.up.product(b[1], b[5]))
    return Rounding.up.squareRoot(
      Rounding.up.sum(EuclideanNorm.squareUpperBound(b), Rounding.up.product(2, shared)))
  }
}

extension Tensor<Float> {
  /// What `transform` makes of the columns of the 3×3 kernels, row-major in output, input and column.
  fileprivate func columns<Result>(
    _ transform: ((Float, Float, Float)) -> Result
  ) -> [Result] {
    stride(from: 0, to: count, by: 9).flatMap { kernel in
      (kernel..<kernel + 3).map {
        transform((elements[$0], elements[$0 + 3], elements[$0 + 6]))
      }
    }
  }
}
