// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What APGD makes larger (Croce and Hein 2020, section 4), as a function of the logits z of one
/// image; y is the label, z_(1) ≥ z_(2) ≥ … the sorted logits.
package enum AutoPGDLoss: Equatable, Sendable {
  /// The cross-entropy of the label.
  case crossEntropy
  /// The difference of logits ratio −(z_y − max_{j≠y} z_j)/(z_(1) − z_(3) + 1e-12·(z_(1) − z_(K))), K the
  /// number of classes; with fewer than three, where it is undefined, the margin max_{j≠y} z_j − z_y.
  case differenceOfLogitsRatio
  /// Its targeted form −(z_y − z_t)/(z_(1) − ½(z_(3) + z_(4)) + 1e-12·(z_(1) − z_(K))); with fewer than four
  /// classes, where it is undefined, the margin z_t − z_y.
  case targetedDifferenceOfLogitsRatio(target: Int)

  /// Keeps the ratios' denominators away from 0, as a share of the logits' spread.
  private static let tiny = 1e-12

  /// The loss and its gradient with respect to the logits.
  package func evaluate(_ logits: [Double], label: Int) -> (value: Double, gradient: [Double]) {
    switch self {
    case .crossEntropy:
      let largest = logits.max() ?? 0
      let total = logits.reduce(0) { $0 + exp($1 - largest) }
      return (
        log(total) + largest - logits[label],
        AttackLoss.crossEntropyGradient(logits, label: label, unit: 1)
      )
    case .differenceOfLogitsRatio:
      let order = Self.order(logits)
      let other = order[0] == label ? order[1] : order[0]
      return Self.ratio(
        logits, label, other, over: order.count < 3 ? [] : [(order[0], 1), (order[2], -1)])
    case .targetedDifferenceOfLogitsRatio(let target):
      let order = Self.order(logits)
      return Self.ratio(
        logits, label, target,
        over: order.count < 4 ? [] : [(order[0], 1), (order[2], -0.5), (order[3], -0.5)])
    }
  }

  /// Classes by falling logit.
  private static func order(_ logits: [Double]) -> [Int] {
    logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
  }

  /// (z_other − z_label)/(Σ factor · z + tiny), or the numerator alone where there are no terms or all
  /// logits tie.
  private static func ratio(
    _ logits: [Double], _ label: Int, _ other: Int, over terms: [(index: Int, factor: Double)]
  ) -> (value: Double, gradient: [Double]) {
    let margin = logits[other] - logits[label]
    let spread = (logits.max() ?? 0) - (logits.min() ?? 0)
    let denominator =
      terms.isEmpty || spread == 0
      ? 1 : terms.reduce(0) { $0 + $1.factor * logits[$1.index] } + tiny * spread
    var gradient = [Double](repeating: 0, count: logits.count)
    gradient[other] += 1 / denominator
    gradient[label] -= 1 / denominator
    for (index, factor) in terms {
      gradient[index] -= factor * margin / (denominator * denominator)
    }
    return (margin / denominator, gradient)
  }
}
