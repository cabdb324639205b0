// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLNetworks
import Foundation

/// What a gradient attack makes larger.
package enum AttackLoss: Sendable {
  /// The cross-entropy of the label.
  case crossEntropy
  /// The cross-entropy of the logits divided by the power of two next below their spread, which has a
  /// gradient worth following whatever the logits' scale.
  case relativeCrossEntropy
  /// The largest of (z_j − z_y)/ν_yj, ν_yj the Lipschitz constant of that margin: the class that
  /// is nearest if the network were linear.
  case margin(PairConstants)

  /// The gradient of the loss with respect to the logits of one image, but for its length where the
  /// loss is a relative one.
  package func gradient(_ logits: [Double], label: Int) -> [Double] {
    switch self {
    case .crossEntropy: return Self.crossEntropyGradient(logits, label: label, unit: 1)
    case .relativeCrossEntropy:
      let spread = (logits.max() ?? 0) - (logits.min() ?? 0)
      let unit = spread > 0 && spread.isFinite ? spread.binade : 1
      return Self.crossEntropyGradient(logits, label: label, unit: unit)
    case .margin(let constants):
      return marginDirection(
        classes: logits.count, from: label, to: Self.nearest(logits, label: label, constants))
    }
  }

  /// p − 1_y with p = softmax(z/unit); what p_y lacks of 1 is the sum of the others, which does not
  /// cancel.
  static func crossEntropyGradient(_ logits: [Double], label: Int, unit: Double) -> [Double] {
    let largest = logits.max() ?? 0
    let powers = logits.map { exp(($0 - largest) / unit) }
    let total = powers.reduce(0, +)
    var gradient = powers.map { $0 / total }
    gradient[label] = 0
    gradient[label] = -gradient.reduce(0, +)
    return gradient
  }

  /// The class j ≠ y with the largest (z_j − z_y)/ν_yj.
  static func nearest(_ logits: [Double], label: Int, _ constants: PairConstants) -> Int {
    let others = logits.indices.filter { $0 != label }
    func score(_ other: Int) -> Double {
      let constant = constants[label, other]
      return constant > 0 ? (logits[other] - logits[label]) / constant : -.infinity
    }
    return others.max { score($0) < score($1) }!
  }
}
