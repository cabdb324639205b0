// SPDX-License-Identifier: Apache-2.0

extension Tensor {
  /// Σ_i self_i · other_i, accumulated in binary64.
  package func dot(_ other: Tensor) -> Scalar {
    precondition(count == other.count, "vectors of one length")
    return withUnsafeElements { x in
      other.withUnsafeElements { Scalar(Scalar.dot(count, x, $0)) }
    }
  }

  /// ‖self‖₂ over all elements.
  package var norm: Scalar {
    withUnsafeElements { Scalar(Scalar.dot(count, $0, $0).squareRoot()) }
  }

  /// self ← factor · self.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func scale(by factor: Scalar) {
    let count = count
    withUnsafeMutableElements { x in for index in 0..<count { x[index] *= factor } }
  }

  /// self ← self + scale · other, each element rounded once.
  package mutating func add(_ other: Tensor, scale: Scalar) {
    precondition(count == other.count, "vectors of one length")
    let count = count
    withUnsafeMutableElements { x in
      other.withUnsafeElements { Scalar.add(count, alpha: scale, $0, to: x) }
    }
  }
}
