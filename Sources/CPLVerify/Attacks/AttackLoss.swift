import CPLReference
import Foundation

/// What a gradient attack makes larger.
public enum AttackLoss: Sendable {
  /// The cross-entropy of the label.
  case crossEntropy
  /// The largest of (z_j − z_y)/ν_yj, ν_yj the Lipschitz constant of that margin: the class that
  /// is nearest if the network were linear.
  case margin(PairConstants)

  /// The gradient of the loss with respect to the logits N×classes, each row by itself.
  package func gradient(_ logits: Tensor<Float>, labels: [Int]) -> Tensor<Float> {
    let classes = logits.shape[1]
    var gradient = Tensor<Float>(shape: logits.shape)
    for (image, label) in labels.enumerated() {
      let row = Array(logits.row(image))
      let first = image * classes
      switch self {
      case .crossEntropy:
        let largest = Double(row.max()!)
        let powers = row.map { exp(Double($0) - largest) }
        let total = powers.reduce(0, +)
        for index in 0..<classes {
          gradient.elements[first + index] = Float(powers[index] / total)
        }
        gradient.elements[first + label] -= 1
      case .margin(let constants):
        let other = Self.nearest(row, label: label, constants)
        gradient.elements[first + other] = 1
        gradient.elements[first + label] = -1
      }
    }
    return gradient
  }

  /// The class j ≠ y with the largest (z_j − z_y)/ν_yj.
  static func nearest(_ logits: [Float], label: Int, _ constants: PairConstants) -> Int {
    let others = logits.indices.filter { $0 != label }
    func score(_ other: Int) -> Double {
      let margin = Double(logits[other]) - Double(logits[label])
      let constant = constants[label, other]
      return constant > 0 ? margin / constant : -.infinity
    }
    return others.max { score($0) < score($1) }!
  }
}
