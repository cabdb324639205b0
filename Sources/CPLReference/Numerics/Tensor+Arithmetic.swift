extension Tensor {
  /// Σ_i self_i · other_i.
  package func dot(_ other: Tensor) -> Scalar {
    precondition(count == other.count, "vectors of one length")
    return withUnsafeElements { x in other.withUnsafeElements { Scalar.dot(count, x, $0) } }
  }

  /// ‖self‖₂ over all elements.
  package var norm: Scalar { dot(self).squareRoot() }

  /// self ← factor · self.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func scale(by factor: Scalar) {
    let count = count
    withUnsafeMutableElements { x in for index in 0..<count { x[index] *= factor } }
  }

  /// self ← self + scale · other.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func add(_ other: Tensor, scale: Scalar) {
    precondition(count == other.count, "vectors of one length")
    let count = count
    withUnsafeMutableElements { x in
      other.withUnsafeElements { y in
        for index in 0..<count { x[index] += scale * y[index] }
      }
    }
  }
}
