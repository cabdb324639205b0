import CPLReference

/// Certificates from a verified Lipschitz bound, in real arithmetic.
///
/// With L̄ a verified upper bound of the Lipschitz constant of the map to the features, and ν_cj
/// those of the margins (`PairConstants`), the predicted class c cannot change within
///
///     r = min_j (z_c − z_j)/(L̄ · ν_cj)
///
/// (Tsuzuku, Sato and Sugiyama 2018, Proposition 1, with a constant for each pair of classes). r is
/// rounded down and then moved to the next smaller number, so that it holds on the closed ball and a
/// tie counts as a change. It is 0 on a tie. The logits are taken as they are: **the rounding of the
/// evaluation that made them is not covered.**
public struct LipschitzCertificate: Sendable {
  private let constants: PairConstants
  private let lipschitz: Double

  /// The certificates of a network.
  ///
  /// - Parameter lipschitz: L̄.
  public init(constants: PairConstants, lipschitz: Double) {
    self.constants = constants
    self.lipschitz = lipschitz
  }

  /// The radius of each image, in pixel units, from the logits N×classes.
  public func radii<Scalar: TensorScalar>(_ logits: Tensor<Scalar>) -> [Double] {
    let classes = logits.shape[1]
    return zip(0..<logits.shape[0], logits.rowMaxima).map { image, predicted in
      radius(
        logits.elements[image * classes..<(image + 1) * classes].map { Double($0) },
        predicted: predicted)
    }
  }

  private func radius(_ logits: [Double], predicted: Int) -> Double {
    guard logits.allSatisfy(\.isFinite) else { return 0 }
    var radius = Double.infinity
    for other in logits.indices where other != predicted {
      let margin = Rounding.down.difference(logits[predicted], logits[other])
      guard margin > 0 else { return 0 }
      let constant = Rounding.up.product(lipschitz, constants[predicted, other])
      if constant > 0 { radius = min(radius, Rounding.down.quotient(margin, constant)) }
    }
    return max(0, radius.nextDown)
  }
}
