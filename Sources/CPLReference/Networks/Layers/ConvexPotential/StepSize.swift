// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Where the step h of a convex potential layer comes from.
package enum StepRule: String, Codable, Sendable {
  /// c/(σ̂² + 1e-4) with the power method's estimate σ̂, a lower bound of ‖W‖₂; c = 2.
  case power
  /// c/(σ̄² + 1e-4) rounded down, with a verified upper bound σ̄ of ‖W‖₂.
  case verified
  /// A given number.
  case fixed
}

/// The step h = c/(σ² + ε) of a stored layer: its rule, and the binary32 number that the forward pass uses.
package struct StepSize: Codable, Equatable, Sendable {
  package var rule: StepRule
  package var value: Float
  /// c. Stored only where it is not the paper's 2.
  package var numerator: Float
  /// ε, with which W = 0 has a finite step. Stored only where it is not the paper's 1e-4.
  package var regularization: Double

  package init(
    rule: StepRule, value: Float, numerator: Float = 2,
    regularization: Double = Self.regularization
  ) {
    self.rule = rule
    self.value = value
    self.numerator = numerator
    self.regularization = regularization
  }

  /// The paper's ε.
  package static let regularization = 1e-4

  /// h = c/(σ̂² + ε) in the arithmetic of `Scalar`, c being `numerator`.
  package static func fromEstimate<Scalar: TensorScalar>(
    _ spectralNorm: Scalar, numerator: Scalar = 2, regularization: Double = Self.regularization
  ) -> Scalar {
    numerator / (spectralNorm * spectralNorm + Scalar(regularization))
  }

  /// A σ̂ ≥ 0 from which `fromEstimate` makes exactly the step `value`; nil where there is none.
  package static func estimate(
    of value: Float, numerator: Float = 2, regularization: Double = Self.regularization
  ) -> Float? {
    guard value > 0 else { return nil }
    let root = Float((Double(numerator) / Double(value) - regularization).squareRoot())
    guard root.isFinite else { return nil }
    return [root, root.nextUp, root.nextDown].first {
      $0 >= 0
        && fromEstimate($0, numerator: numerator, regularization: regularization) == value
    }
  }

  enum CodingKeys: String, CodingKey {
    case rule, value, numerator, regularization
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    rule = try container.decode(StepRule.self, forKey: .rule)
    value = try container.decode(Float.self, forKey: .value)
    numerator = try container.decodeIfPresent(Float.self, forKey: .numerator) ?? 2
    regularization =
      try container.decodeIfPresent(Double.self, forKey: .regularization) ?? Self.regularization
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(rule, forKey: .rule)
    try container.encode(value, forKey: .value)
    if numerator != 2 { try container.encode(numerator, forKey: .numerator) }
    if regularization != Self.regularization {
      try container.encode(regularization, forKey: .regularization)
    }
  }
}
