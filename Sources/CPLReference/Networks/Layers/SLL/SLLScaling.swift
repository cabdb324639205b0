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
  private let taps: Taps
  /// W Wᵀ for each shift, inner×inner each.
  private let products: [Double]
  /// q_j/q_i at (j, i); nil for q = 1.
  private let ratios: [Double]?

  /// The scaling of weights inner×C×k×k, a matrix being one with k = 1; without logarithms that of q = 1.
  ///
  /// - Parameters:
  ///   - ofColumns: whether the weights are C×inner×k×k, and the scaling that of Wᵀ for each tap.
  ///   - regularization: what is added to 1/t_i, not negative.
  ///
  /// Every sum is one chain of fused operations in a fixed order.
  ///
  /// - Complexity: k⁴·inner²·C/2 multiplications.
  init(
    weights: Tensor<Double>, ofColumns: Bool = false, logarithms: Tensor<Double>?,
    regularization: Double = 0
  ) {
    let taps = Taps(weights, transposed: ofColumns)
    self.taps = taps
    let inner = taps.inner
    ratios = logarithms.map { logarithms in
      logarithms.elements.flatMap { number in logarithms.elements.map { exp(number - $0) } }
    }
    products = Self.products(taps)
    let sums = Self.rowSums(products, ratios, inner)
    roots = sums.map { $0 == 0 ? 0 : (1 / ($0 + regularization)).squareRoot() }
  }

  private static func products(_ taps: Taps) -> [Double] {
    let (inner, channels, size) = (taps.inner, taps.channels, taps.inner * taps.inner)
    let middle = taps.shiftCount / 2
    return Tensor<Double>(shape: [taps.shiftCount, inner, inner]) { products in
      taps.matrices.withUnsafeElements { matrices in
        taps.transposes.withUnsafeElements { transposes in
          for shift in middle..<taps.shiftCount {
            let product = products + shift * size
            var addend: UnsafePointer<Double>?
            for pair in taps.pairs where pair.shift == shift {
              Double.multiply(
                rows: 0..<inner, columns: 0..<inner, depth: channels,
                MatrixView(elements: matrices + pair.first * taps.size, stride: channels),
                MatrixView(elements: transposes + pair.second * taps.size, stride: inner),
                Epilogue(addend: addend, addendStride: inner), to: product, stride: inner)
              addend = UnsafePointer(product)
            }
          }
        }
      }
      // The same terms in the same order make the opposite shift's product, transposed.
      for shift in 0..<middle {
        Double.transpose(
          rows: inner, columns: inner, products + (taps.shiftCount - 1 - shift) * size,
          stride: inner, to: products + shift * size, stride: inner)
      }
    }.elements
  }

  /// Σ |W Wᵀ|_ij q_j/q_i over the shifts, then j, for each i.
  private static func rowSums(_ products: [Double], _ ratios: [Double]?, _ inner: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: inner)
    sums.withUnsafeMutableBufferPointer { sums in
      products.withUnsafeBufferPointer { products in
        (ratios ?? []).withUnsafeBufferPointer { ratios in
          // Row i of a shift's product is column i of the opposite shift's.
          for column in (0..<products.count / max(1, inner * inner)).reversed() {
            for j in 0..<inner {
              let values = products.baseAddress! + (column * inner + j) * inner
              guard !ratios.isEmpty else {
                for i in 0..<inner { sums[i] += values[i].magnitude }
                continue
              }
              let ratios = ratios.baseAddress! + j * inner
              for i in 0..<inner {
                sums[i] += values[i] == 0 ? 0 : values[i].magnitude * ratios[i]
              }
            }
          }
        }
      }
    }
    return sums
  }

  /// The gradients with respect to the weights and to q̃ if there is one, given those with respect to √t; the former by
  /// products in their own format.
  ///
  /// With S_i = 1/t_i, the regularization included, ∂/∂S_i = −½ S_i^(−3/2) ∂/∂√t_i, and S_i depends on both rows of
  /// every product.
  func gradients<Scalar: TensorScalar>(
    of rootGradients: [Scalar]
  ) -> (weights: Tensor<Scalar>, logarithms: [Double]?) {
    let slopes = zip(roots, rootGradients).map { -0.5 * $0 * $0 * $0 * Double($1) }
    return (weightGradient(slopes), ratios.map { logarithmGradient(slopes, $0) })
  }

  private func weightGradient<Scalar: TensorScalar>(_ slopes: [Double]) -> Tensor<Scalar> {
    let (inner, channels, size) = (taps.inner, taps.channels, taps.inner * taps.inner)
    let middle = taps.shiftCount / 2
    let signed: Tensor<Scalar> = signed(bothSlopes(slopes), from: middle)
    let matrices: Tensor<Scalar> = taps.matrices.converted()
    var gradient = Tensor<Scalar>(shape: matrices.shape)
    gradient.withUnsafeMutableElements { gradient in
      signed.withUnsafeElements { signed in
        matrices.withUnsafeElements { matrices in
          for (first, second, shift) in taps.pairs {
            let sum = gradient + first * taps.size
            // Those of opposite shifts are each other's transposes.
            let factors = MatrixView(
              elements: signed + abs(shift - middle) * size, stride: inner,
              transposed: shift < middle)
            Scalar.multiply(
              rows: 0..<inner, columns: 0..<channels, depth: inner, factors,
              MatrixView(elements: matrices + second * taps.size, stride: channels),
              Epilogue(addend: sum, addendStride: channels), to: sum, stride: channels)
          }
        }
      }
    }
    return taps.joined(gradient)
  }

  /// Of a pair (i, j) both the slope of row i of a product and that of row j of the opposite shift's, which is its
  /// transpose.
  private func bothSlopes(_ slopes: [Double]) -> [Double] {
    let inner = taps.inner
    return [Double](unsafeUninitializedCapacity: inner * inner) { both, count in
      for i in 0..<inner {
        for j in 0..<inner {
          let (index, mirrored) = (i * inner + j, j * inner + i)
          both[index] = slopes[i] * (ratios?[mirrored] ?? 1) + slopes[j] * (ratios?[index] ?? 1)
        }
      }
      count = inner * inner
    }
  }

  /// Numbers with the signs of the products, from one shift to the last.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func signed<Scalar: TensorScalar>(
    _ numbers: [Double], from first: Int
  ) -> Tensor<Scalar> {
    let size = numbers.count
    return Tensor(shape: [taps.shiftCount - first, taps.inner, taps.inner]) { signed in
      products.withUnsafeBufferPointer { products in
        numbers.withUnsafeBufferPointer { numbers in
          for shift in first..<taps.shiftCount {
            let values = products.baseAddress! + shift * size
            let target = signed + (shift - first) * size
            // Without branches, which would be mispredicted.
            for index in 0..<size {
              let sign = values[index].bitPattern & (1 << 63)
              let number = Double(bitPattern: numbers[index].bitPattern ^ sign)
              target[index] = Scalar(values[index] == 0 ? 0 : number)
            }
          }
        }
      }
    }
  }

  private func logarithmGradient(_ slopes: [Double], _ ratios: [Double]) -> [Double] {
    let inner = taps.inner
    var magnitudes = [Double](repeating: 0, count: inner * inner)
    products.withUnsafeBufferPointer { products in
      magnitudes.withUnsafeMutableBufferPointer { magnitudes in
        for shift in 0..<taps.shiftCount {
          let values = products.baseAddress! + shift * magnitudes.count
          for index in magnitudes.indices { magnitudes[index] += values[index].magnitude }
        }
      }
    }
    // The sum over all shifts is symmetric.
    var gradient = [Double](repeating: 0, count: inner)
    gradient.withUnsafeMutableBufferPointer { gradient in
      for j in 0..<inner {
        var sum = 0.0
        for i in 0..<inner {
          let term = slopes[i] * ratios[j * inner + i] * magnitudes[j * inner + i]
          sum += term
          gradient[i] -= term
        }
        gradient[j] += sum
      }
    }
    return gradient
  }
}

/// Weights inner×C×k×k, or C×inner×k×k, as a matrix inner×C for each tap.
private struct Taps: Sendable {
  /// The shape of the weights.
  private let shape: [Int]
  /// Whether the weights are C×inner×k×k.
  private let isTransposed: Bool
  /// Taps×inner×C.
  let matrices: Tensor<Double>
  /// Their transposes, taps×C×inner.
  let transposes: Tensor<Double>
  /// Every two taps, and the shift of one kernel against the other that brings them together.
  let pairs: [(first: Int, second: Int, shift: Int)]

  var inner: Int { matrices.shape[1] }
  var channels: Int { matrices.shape[2] }
  /// The numbers of a tap.
  var size: Int { inner * channels }
  var shiftCount: Int { (2 * shape[2] - 1) * (2 * shape[2] - 1) }

  init(_ weights: Tensor<Double>, transposed: Bool) {
    (shape, isTransposed) = (weights.shape, transposed)
    let (side, count) = (shape[2], shape[2] * shape[2])
    let size = shape[0] * shape[1]
    let matrices = Tensor<Double>(shape: [count, shape[0], shape[1]]) { matrices in
      weights.withUnsafeElements {
        Double.transpose(rows: size, columns: count, $0, stride: count, to: matrices, stride: size)
      }
    }
    self.matrices = transposed ? matrices.innerTransposes : matrices
    transposes = transposed ? matrices : matrices.innerTransposes
    pairs = (0..<count * count).map { pair in
      let (first, second) = (pair / count, pair % count)
      let (rows, columns) = (
        first / side - second / side + side - 1, first % side - second % side + side - 1
      )
      return (first, second, rows * (2 * side - 1) + columns)
    }
  }

  /// The inverse of the cutting into taps.
  func joined<Scalar: TensorScalar>(_ matrices: Tensor<Scalar>) -> Tensor<Scalar> {
    let (count, size) = (matrices.shape[0], size)
    return Tensor(shape: shape) { weights in
      (isTransposed ? matrices.innerTransposes : matrices).withUnsafeElements {
        Scalar.transpose(rows: count, columns: size, $0, stride: size, to: weights, stride: count)
      }
    }
  }
}

extension Tensor {
  /// The transpose of each matrix of several.
  fileprivate var innerTransposes: Tensor {
    let (count, rows, columns) = (shape[0], shape[1], shape[2])
    return Tensor(shape: [count, columns, rows]) { transposes in
      withUnsafeElements { matrices in
        for matrix in 0..<count {
          let start = matrix * rows * columns
          Scalar.transpose(
            rows: rows, columns: columns, matrices + start, stride: columns, to: transposes + start,
            stride: rows)
        }
      }
    }
  }
}
