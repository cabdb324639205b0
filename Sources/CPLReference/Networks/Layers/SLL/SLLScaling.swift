// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// What q of an SDP-based Lipschitz layer is.
package enum SLLWeighting: String, Codable, Sendable {
  /// q = exp(q̃), with q̃ the parameter.
  case exponential
  /// q = 1: in SLL's published convolution it cancels.
  case constant
  /// q = |q̃| + ε, and ε is added to 1/t, as in "1-Lipschitz Layers Compared".
  case magnitude

  /// ε as published.
  static let regularization = 1e-6

  /// ln q; nil for q = 1.
  func logarithms(_ parameter: Tensor<Double>, regularization: Double) -> Tensor<Double>? {
    switch self {
    case .exponential: parameter
    case .constant: nil
    case .magnitude:
      Tensor(
        shape: parameter.shape,
        elements: parameter.elements.map { log($0.magnitude + regularization) })
    }
  }

  /// The derivative of ln q by the parameter.
  func slope(at parameter: Double, regularization: Double) -> Double {
    switch self {
    case .exponential: 1
    case .constant: 0
    case .magnitude: (parameter < 0 ? -1 : 1) / (parameter.magnitude + regularization)
    }
  }
}

/// The scaling of an SDP-based Lipschitz layer (Araujo et al., ICLR 2023, theorem 3), in binary64:
///
///     t_i = 1 / Σ_j |W Wᵀ|_ij q_j/q_i,   q = exp(q̃)
///
/// By Gershgorin's theorem T^½ W Wᵀ T^½ ⪯ I for every q > 0, T = diag(t). Of a convolution the sum is over
/// all shifts of one kernel against another too: the rows of an infinite convolution's Gram matrix, of
/// which zero padding takes a part.
struct SLLScaling: Sendable {
  /// √t, one number a hidden unit or hidden channel; 0 where its weights are all 0.
  let roots: [Double]
  /// q̃; nil for q = 1.
  private let logarithms: [Double]?
  private let taps: Taps
  /// W Wᵀ for each shift, inner×inner.
  private let products: [[Double]]

  /// The scaling of weights inner×C×k×k, a matrix being one with k = 1; without logarithms that of q = 1.
  ///
  /// - Parameter regularization: what is added to 1/t_i, not negative.
  ///
  /// Every sum is one chain of fused operations in a fixed order.
  ///
  /// - Complexity: k⁴·inner²·C/2 multiplications.
  init(weights: Tensor<Double>, logarithms: Tensor<Double>?, regularization: Double = 0) {
    let taps = Taps(weights)
    self.taps = taps
    self.logarithms = logarithms?.elements
    let inner = taps.inner
    var products = [[Double]](
      repeating: Array(repeating: 0, count: inner * inner), count: taps.shiftCount)
    for (first, second, shift) in taps.pairs where shift >= taps.shiftCount / 2 {
      Self.add(
        &products[shift], rows: inner, columns: inner, depth: taps.channels,
        (taps.matrices[first], taps.channels, false),
        (taps.matrices[second], taps.channels, true))
    }
    // The same terms in the same order make the opposite shift's product, transposed.
    for shift in 0..<taps.shiftCount / 2 {
      products[shift] = Self.transposed(products[taps.shiftCount - 1 - shift], side: inner)
    }
    self.products = products
    let weights = Self.ratios(logarithms?.elements, inner)
    var sums = [Double](repeating: 0, count: inner)
    for product in products {
      for i in 0..<inner {
        var sum = sums[i]
        for index in i * inner..<(i + 1) * inner where product[index] != 0 {
          sum += product[index].magnitude * (weights?[index] ?? 1)
        }
        sums[i] = sum
      }
    }
    roots = sums.map { $0 == 0 ? 0 : (1 / ($0 + regularization)).squareRoot() }
  }

  /// The gradients with respect to the weights and to q̃ if there is one, given those with respect to √t.
  ///
  /// With S_i = 1/t_i, the regularization included, ∂/∂S_i = −½ S_i^(−3/2) ∂/∂√t_i, and S_i depends on both rows of every product.
  func gradients(of rootGradients: [Double]) -> (weights: Tensor<Double>, logarithms: [Double]?) {
    let inner = taps.inner
    let slopes = zip(roots, rootGradients).map { -0.5 * $0 * $0 * $0 * $1 }
    var gradient = taps.matrices.map { [Double](repeating: 0, count: $0.count) }
    var logarithmGradient = [Double](repeating: 0, count: inner)
    let weights = Self.ratios(logarithms, inner)
    // Of a pair (i, j) both the row i of a product and the row j of the opposite shift's, which is its transpose.
    let bothSlopes = products.indices.map { shift -> [Double] in
      let product = products[shift]
      return [Double](unsafeUninitializedCapacity: inner * inner) { both, count in
        for i in 0..<inner {
          for j in 0..<inner {
            let (index, mirrored) = (i * inner + j, j * inner + i)
            let weight = slopes[i] * (weights?[index] ?? 1)
            let sum = weight + slopes[j] * (weights?[mirrored] ?? 1)
            let value = product[index]
            both[index] = value == 0 ? 0 : value < 0 ? -sum : sum
          }
        }
        count = inner * inner
      }
    }
    if let weights {
      var magnitudes = [Double](repeating: 0, count: inner * inner)
      for product in products {
        for index in magnitudes.indices { magnitudes[index] += product[index].magnitude }
      }
      for i in 0..<inner {
        for j in 0..<inner {
          let term = slopes[i] * weights[i * inner + j] * magnitudes[i * inner + j]
          logarithmGradient[j] += term
          logarithmGradient[i] -= term
        }
      }
    }
    for (first, second, shift) in taps.pairs {
      Self.add(
        &gradient[first], rows: inner, columns: taps.channels, depth: inner,
        (bothSlopes[shift], inner, false), (taps.matrices[second], taps.channels, false))
    }
    return (taps.joined(gradient), logarithms.map { _ in logarithmGradient })
  }

  /// q_j/q_i, for all i and j; nil for q = 1.
  private static func ratios(_ logarithms: [Double]?, _ inner: Int) -> [Double]? {
    logarithms.map { logarithms in
      logarithms.flatMap { row in logarithms.map { exp($0 - row) } }
    }
  }

  private static func transposed(_ matrix: [Double], side: Int) -> [Double] {
    [Double](unsafeUninitializedCapacity: side * side) { transposed, count in
      for i in 0..<side {
        for j in 0..<side { transposed[i * side + j] = matrix[j * side + i] }
      }
      count = side * side
    }
  }

  /// C ← C + A B.
  private static func add(
    _ sum: inout [Double], rows: Int, columns: Int, depth: Int,
    _ a: (elements: [Double], stride: Int, transposed: Bool),
    _ b: (elements: [Double], stride: Int, transposed: Bool)
  ) {
    sum.withUnsafeMutableBufferPointer { sum in
      a.elements.withUnsafeBufferPointer { first in
        b.elements.withUnsafeBufferPointer { second in
          guard let sum = sum.baseAddress, let first = first.baseAddress,
            let second = second.baseAddress
          else { return }
          Double.multiply(
            rows: 0..<rows, columns: 0..<columns, depth: depth,
            MatrixView(elements: first, stride: a.stride, transposed: a.transposed),
            MatrixView(elements: second, stride: b.stride, transposed: b.transposed),
            Epilogue(addend: sum, addendStride: columns), to: sum, stride: columns)
        }
      }
    }
  }
}

/// Weights inner×C×k×k as a matrix inner×C for each tap.
private struct Taps: Sendable {
  let shape: [Int]
  let matrices: [[Double]]
  /// Every two taps, and the shift of one kernel against the other that brings them together.
  let pairs: [(first: Int, second: Int, shift: Int)]

  var inner: Int { shape[0] }
  var channels: Int { shape[1] }
  var shiftCount: Int { (2 * shape[2] - 1) * (2 * shape[2] - 1) }

  init(_ weights: Tensor<Double>) {
    shape = weights.shape
    let (side, count) = (weights.shape[2], weights.shape[2] * weights.shape[2])
    let size = weights.shape[0] * weights.shape[1]
    matrices = (0..<count).map { tap in
      [Double](unsafeUninitializedCapacity: size) { matrix, initialized in
        weights.withUnsafeElements { weights in
          for index in 0..<size { matrix[index] = weights[index * count + tap] }
        }
        initialized = size
      }
    }
    pairs = (0..<count * count).map { pair in
      let (first, second) = (pair / count, pair % count)
      let (rows, columns) = (
        first / side - second / side + side - 1, first % side - second % side + side - 1
      )
      return (first, second, rows * (2 * side - 1) + columns)
    }
  }

  /// The inverse of the cutting into taps.
  func joined(_ matrices: [[Double]]) -> Tensor<Double> {
    let count = matrices.count
    return Tensor(shape: shape) { weights in
      for (tap, matrix) in matrices.enumerated() {
        for index in matrix.indices { weights[index * count + tap] = matrix[index] }
      }
    }
  }
}
