import CPLReference

/// Certificates of the network **as it is evaluated in binary64**, rounding included.
///
/// Let z̃ be the logits that the binary64 network computes, from the binary32 weights taken as they
/// are. φ and z are the real maps to features and logits with the same constants, e ≥ ‖φ̃ − φ‖ on
/// the box (`FeatureErrorBound`), δ_j the rounding error of logit j in the head, and
/// ε_cj = ν_cj·e + δ_c + δ_j. Then for images x and x′ in the box
///
///     |(z̃_c − z̃_j) − (z_c − z_j)| ≤ ε_cj   at x and at x′ alike,
///     z̃_c(x′) − z̃_j(x′) ≥ z̃_c(x) − z̃_j(x) − 2ε_cj − L̄·ν_cj·‖x′ − x‖,
///
/// which is positive for all j, so that the class that is computed for x′ is c, whenever
///
///     ‖x′ − x‖ < r = min_j (z̃_c(x) − z̃_j(x) − 2ε_cj)/(L̄·ν_cj)
///
/// (after Jin, Ohrimenko and Rubinstein 2022, *Getting a-Round Guarantees: Floating-Point Attacks on
/// Certified Robustness*, who show that certificates without ε do break). r is rounded down and
/// then moved to the next smaller number, so that it holds on the closed ball and a tie counts as a
/// change. It is 0 on a tie, for logits that are not finite and for an image outside the box.
///
/// What is covered is this program's own evaluation in binary64, whose order of operations is fixed
/// (`CPLKernels.h`); not the same weights run in binary32 or by other programs.
public struct SoundCertificate: Sendable {
  /// The network that the radii speak of.
  public let network: CPLNetwork<Double>
  /// e, an upper bound of the error of the computed features, for every input in the box.
  public var featureError: Double { features.error }
  /// L̄, an upper bound of the Lipschitz constant of the map to the features.
  public var lipschitz: Double { features.lipschitz }

  private let features: FeatureErrorBound
  private let constants: PairConstants
  /// δ_j.
  private let logitErrors: [Double]

  /// The certificates of a network with the steps and norms that were verified.
  ///
  /// - Throws: `VerificationError` for a layer without bounds, and when an evaluation might overflow.
  public init(_ verified: VerifiedNetwork) throws(VerificationError) {
    network = verified.network.converted(to: Double.self)
    features = try FeatureErrorBound(
      network, spectralNorms: verified.bounds.layers.map(\.spectralNorm))
    constants = try PairConstants(network)
    guard let head = network.head as? any LogitErrorBoundedHead else {
      throw .invalid(
        what: "head", expected: "a head with a bound of its rounding error",
        found: network.head.specification.kind)
    }
    logitErrors = try head.logitErrorBounds(norm: features.norm)
  }

  /// The radius of each image, in pixel units, and the logits N×classes that it rests on.
  ///
  /// - Parameter images: N×C×n×n; binary32 numbers are binary64 numbers as they are.
  public func radii(
    images: Tensor<Float>, workers: Workers
  ) -> (radii: [Double], logits: Tensor<Double>) {
    radii(images: images.converted(to: Double.self), workers: workers)
  }

  /// The same for binary64 images.
  package func radii(
    images: Tensor<Double>, workers: Workers
  ) -> (radii: [Double], logits: Tensor<Double>) {
    let logits = network.logits(images, workers: workers)
    let radii = logits.rowMaxima.enumerated().map { image, predicted in
      images.row(image).allSatisfy { (0...1).contains($0) }
        ? radius(Array(logits.row(image)), predicted: predicted) : 0
    }
    return (radii, logits)
  }

  /// ε_cj: how far rounding can move the margin between two classes, for any input in the box.
  package func marginError(_ first: Int, _ second: Int) -> Double {
    let heads = Rounding.up.sum(logitErrors[first], logitErrors[second])
    return Rounding.up.sum(Rounding.up.product(constants[first, second], features.error), heads)
  }

  private func radius(_ logits: [Double], predicted: Int) -> Double {
    guard logits.allSatisfy(\.isFinite) else { return 0 }
    var radius = Double.infinity
    for other in logits.indices where other != predicted {
      let margin = Rounding.down.difference(
        Rounding.down.difference(logits[predicted], logits[other]),
        2 * marginError(predicted, other))
      guard margin > 0 else { return 0 }
      let constant = Rounding.up.product(features.lipschitz, constants[predicted, other])
      if constant > 0 { radius = min(radius, Rounding.down.quotient(margin, constant)) }
    }
    return max(0, radius.nextDown)
  }
}
