// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// What is proved of the margins of a network that is evaluated in binary64.
///
/// Let z̃ be the logits that the binary64 network computes, from the binary32 weights taken as they
/// are. φ and z are the real maps to features and logits with the same constants, e ≥ ‖φ̃ − φ‖ on
/// the box (`FeatureErrorBound`), δ_j the rounding error of logit j in the head, and
/// ε_cj = ν_cj·e + δ_c + δ_j. Then for images x and x′ in the box
///
///     |(z̃_c − z̃_j) − (z_c − z_j)| ≤ ε_cj   at x and at x′ alike,
///     z_c(x′) − z_j(x′) ≥ z̃_c(x) − z̃_j(x) − ε_cj − L̄·ν_cj·‖x′ − x‖,
///     z̃_c(x′) − z̃_j(x′) ≥ z̃_c(x) − z̃_j(x) − 2ε_cj − L̄·ν_cj·‖x′ − x‖.
///
/// So the class that is computed for x′ is c whenever
///
///     ‖x′ − x‖ < r_sound = min_j (z̃_c(x) − z̃_j(x) − 2ε_cj)/(L̄·ν_cj),
///
/// and c is the class of x and of x′ in real arithmetic whenever ‖x′ − x‖ < r_lipschitz, the same with
/// one ε_cj in place of two (after Tsuzuku, Sato and Sugiyama 2018, Proposition 1, with a constant for
/// each pair of classes; and Jin, Ohrimenko and Rubinstein 2022, *Getting a-Round Guarantees:
/// Floating-Point Attacks on Certified Robustness*, who show that certificates without ε do break).
///
/// r is rounded down and then moved to the next smaller number, so that it holds on the closed ball and
/// a tie counts as a change. It is 0 on a tie, for logits that are not finite and for an image outside
/// the box. No point of the box is farther than √d from another: r is at most RU(√d), and that where
/// nothing limits it. So a radius of RU(√d) says that no image of the box has another class.
///
/// What r_sound covers is this program's own evaluation in binary64, whose order of operations is fixed
/// (`CPLKernels.h`); not the same weights run in binary32 or by other programs.
package struct MarginBounds: Sendable {
  /// e, an upper bound of the error of the computed features, for every input in the box.
  package var featureError: Double { features.error }
  /// L̄, an upper bound of the Lipschitz constant of the map to the features.
  package var lipschitz: Double { features.lipschitz }

  package let features: FeatureErrorBound
  package let constants: PairConstants
  /// δ_j.
  private let logitErrors: [Double]
  /// RU(√d).
  package let diameter: Double

  /// The bounds of a network with the steps and norms that were verified.
  ///
  /// - Throws: `VerificationError` for a layer without bounds, and when an evaluation might overflow.
  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    let executed = network.binary64
    features = try FeatureErrorBound(
      executed, spectralNorms: network.verified.bounds.layers.map(\.spectralNorm))
    constants = try PairConstants(executed)
    logitErrors = try executed.head.logitErrorBounded.logitErrorBounds(norm: features.norm)
    diameter = executed.boxDiameterUpperBound
  }

  /// ε_cj: how far rounding can move the margin between two classes, for any input in the box.
  package func marginError(_ first: Int, _ second: Int) -> Double {
    let heads = Rounding.up.sum(logitErrors[first], logitErrors[second])
    return Rounding.up.sum(Rounding.up.product(constants[first, second], features.error), heads)
  }

  /// The margin between two classes less so many times ε_cj, rounded down.
  package func marginLowerBound(
    _ logits: [Double], _ predicted: Int, _ other: Int, errors: Double
  ) -> Double {
    Rounding.down.difference(
      Rounding.down.difference(logits[predicted], logits[other]),
      errors * marginError(predicted, other))
  }

  /// Whether the logits that are computed for an image of the box prove that in real arithmetic its
  /// class is another one than `label`, or ties with another one.
  func provesChange(of label: Int, _ logits: some Collection<Double>) -> Bool {
    let logits = Array(logits)
    return logits.indices.contains { other in
      other != label
        && Rounding.down.difference(logits[other], logits[label]) >= marginError(label, other)
    }
  }

  /// The radius of each image of a batch.
  ///
  /// - Parameter errors: how often ε_cj is taken off the margins: once for r_lipschitz, twice for
  ///   r_sound.
  func radii(_ batch: EvaluatedBatch, errors: Double) -> [CertifiedRadius] {
    batch.binary64.rowMaxima.enumerated().map { image, predicted in
      let isCovered =
        predicted >= 0 && batch.images.row(image).allSatisfy { (0...1).contains($0) }
      return CertifiedRadius(
        isCovered
          ? radius(Array(batch.binary64.row(image)), predicted: predicted, errors: errors) : 0,
        lipschitz: features.lipschitz, reach: diameter)
    }
  }

  private func radius(_ logits: [Double], predicted: Int, errors: Double) -> Double {
    var radius = Double.infinity
    for other in logits.indices where other != predicted {
      let margin = marginLowerBound(logits, predicted, other, errors: errors)
      guard margin > 0 else { return 0 }
      let constant = Rounding.up.product(features.lipschitz, constants[predicted, other])
      if constant > 0 { radius = min(radius, Rounding.down.quotient(margin, constant)) }
    }
    return max(0, radius.nextDown)
  }
}

extension CPLNetwork {
  /// RU(√d): no two images of the box [0, 1]^d are farther apart.
  var boxDiameterUpperBound: Double {
    Rounding.up.squareRoot(Double(inputShape.reduce(1, *)))
  }
}
