// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// ν_ij, upper bounds of the Lipschitz constants of the margins z_i − z_j as functions of the
/// features φ before the head.
///
/// For a normalised last layer ν_ij = ‖q_i − q_j‖ with the rows q_i that the network executes, taken
/// as exact; for a head with a Lipschitz constant as a vector map ν_ij = √2 times it.
package struct PairConstants: Sendable {
  /// The number of classes.
  package let classes: Int
  private let values: [Double]

  /// The constants of a network's head.
  package init<Scalar: TensorScalar>(
    _ network: CPLNetwork<Scalar>
  ) throws(VerificationError) {
    let head = network.head
    classes = network.classes
    if let rows = head.unitRows {
      values = Self.distances(rows)
    } else {
      let constant = Rounding.up.product(
        Rounding.up.squareRoot(2), try head.bounded.lipschitzUpperBound(nil))
      values = Array(repeating: constant, count: classes * classes)
    }
  }

  /// ν_ij; 0 only when the rows are equal, or i = j.
  package subscript(first: Int, second: Int) -> Double { values[first * classes + second] }

  /// ‖q_i − q_j‖, every operation rounded up.
  private static func distances<Scalar: TensorScalar>(_ rows: Tensor<Scalar>) -> [Double] {
    let (classes, features) = (rows.shape[0], rows.shape[1])
    return (0..<classes * classes).map { pair in
      let first = rows.elements[(pair / classes * features)...].prefix(features)
      let second = rows.elements[(pair % classes * features)...].prefix(features)
      let square = zip(first, second).reduce(0.0) { sum, pair in
        let (low, high) = pair.0 < pair.1 ? pair : (pair.1, pair.0)
        let difference = Rounding.up.difference(Double(high), Double(low))
        return Rounding.up.sum(sum, Rounding.up.product(difference, difference))
      }
      return Rounding.up.squareRoot(square)
    }
  }
}
