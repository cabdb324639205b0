import Foundation

/// What APGD makes larger (Croce and Hein 2020, section 4), as a function of the logits z of one
/// image; y is the label, z_(1) ≥ z_(2) ≥ … the sorted logits.
package enum AutoPGDLoss: Equatable, Sendable {
  /// The cross-entropy of the label.
  case crossEntropy
  /// The difference of logits ratio −(z_y − max_{j≠y} z_j)/(z_(1) − z_(3) + 1e-12); with fewer than
  /// three classes, where it is undefined, the margin max_{j≠y} z_j − z_y.
  case differenceOfLogitsRatio
  /// Its targeted form −(z_y − z_t)/(z_(1) − ½(z_(3) + z_(4)) + 1e-12); with fewer than four classes,
  /// where it is undefined, the margin z_t − z_y.
  case targetedDifferenceOfLogitsRatio(target: Int)

  /// Keeps the ratios' denominators away from 0.
  private static let tiny = 1e-12

  /// The loss and its gradient with respect to the logits.
  package func evaluate(_ logits: [Double], label: Int) -> (value: Double, gradient: [Double]) {
    switch self {
    case .crossEntropy:
      let largest = logits.max() ?? 0
      let powers = logits.map { exp($0 - largest) }
      let total = powers.reduce(0, +)
      var gradient = powers.map { $0 / total }
      gradient[label] -= 1
      return (log(total) + largest - logits[label], gradient)
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

  /// (z_other − z_label)/(Σ factor · z + tiny), or the numerator alone where there are no terms.
  private static func ratio(
    _ logits: [Double], _ label: Int, _ other: Int, over terms: [(index: Int, factor: Double)]
  ) -> (value: Double, gradient: [Double]) {
    let margin = logits[other] - logits[label]
    let denominator =
      terms.isEmpty ? 1 : terms.reduce(tiny) { $0 + $1.factor * logits[$1.index] }
    var gradient = [Double](repeating: 0, count: logits.count)
    gradient[other] += 1 / denominator
    gradient[label] -= 1 / denominator
    for (index, factor) in terms {
      gradient[index] -= factor * margin / (denominator * denominator)
    }
    return (margin / denominator, gradient)
  }
}
