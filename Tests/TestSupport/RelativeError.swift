// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// ‖a − b‖∞/‖b‖∞ in binary64; infinite where the two do not have one size or a difference is not
/// finite, 0 where both are zero.
package func relativeError(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  var (difference, scale) = (0.0, 0.0)
  for (x, y) in zip(a, b) {
    guard (x - y).isFinite else { return .infinity }
    difference = max(difference, abs(x - y))
    scale = max(scale, abs(y))
  }
  return difference == 0 ? 0 : difference / scale
}

/// ‖a − b‖∞/‖b‖∞ of two tensors; their shapes may differ by extents of 1.
package func relativeError<A: TensorScalar, B: TensorScalar>(
  _ a: Tensor<A>, _ b: Tensor<B>
) -> Double {
  guard a.shape.filter({ $0 != 1 }) == b.shape.filter({ $0 != 1 }) else { return .infinity }
  return relativeError(a.elements.map { Double($0) }, b.elements.map { Double($0) })
}

/// γ_n = n·u/(1 − n·u) of Higham (*Accuracy and Stability of Numerical Algorithms*, §3.1), u the
/// unit roundoff of `Scalar`: a sum of products that is rounded n times, in whatever order, is
/// within γ_n Σ|x_i y_i| of the exact one.
package func gamma<Scalar: TensorScalar>(_ roundings: Int, _ type: Scalar.Type) -> Double {
  let product = Double(roundings) * Double(Scalar.ulpOfOne) / 2
  return product / (1 - product)
}

extension Tensor {
  /// The elements' bytes: equal for equal bits only, signs of zeros included.
  package var bytes: [UInt8] { elements.withUnsafeBytes { Array($0) } }
}
