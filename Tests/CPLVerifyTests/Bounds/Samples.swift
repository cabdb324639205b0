// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

/// Matrices and kernels that bounds have to hold for, and their norms by other means.
enum Samples {
  /// Kinds of weights; each is filled in from a seed.
  enum Kind: String, CaseIterable, Sendable {
    case uniform, smooth, oneSided, rankDeficient, tiny, huge, subnormal, mixedScales, signs, sparse
  }

  /// `count` weights in groups of `group` (a matrix's rows, a kernel's taps).
  static func weights(_ kind: Kind, count: Int, group: Int, seed: UInt64) -> [Float] {
    var random = CounterRandom(seed: seed, purpose: .test)
    let numbers: [Float] = random.uniforms(count, limit: 1)
    switch kind {
    case .uniform: return numbers
    case .smooth:
      // All positive and slowly varying: the largest frequency is 0.
      return (0..<count).map { 1 + 0.01 * numbers[$0] }
    case .oneSided:
      // All mass in one corner.
      return (0..<count).map { $0 % group == 0 ? numbers[$0] : 0 }
    case .rankDeficient:
      return (0..<count).map { numbers[$0 / group] * numbers[$0 % group] }
    case .tiny: return numbers.map { $0 * 1e-30 }
    case .huge: return numbers.map { $0 * 1e30 }
    case .subnormal: return numbers.map { $0 * 0x1p-140 }
    case .mixedScales:
      return numbers.map {
        $0 * Float(sign: .plus, exponent: random.below(120) - 60, significand: 1)
      }
    case .signs: return numbers.map { $0 < 0 ? -1 : 1 }
    case .sparse: return (0..<count).map { random.below(5) == 0 ? numbers[$0] : 0 }
    }
  }

  /// A convolution's matrix, entry by entry from its definition.
  static func matrix(kernel: Tensor<Float>, height: Int, width: Int) -> Tensor<Double> {
    let (inner, channels, side) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    let columns = channels * height * width
    var matrix = Tensor<Double>(shape: [inner * height * width, columns])
    for i in 0..<inner {
      for channel in 0..<channels {
        for a in 0..<side {
          for b in 0..<side {
            for row in 0..<height {
              for column in 0..<width {
                let (y, x) = (row + a - side / 2, column + b - side / 2)
                guard 0..<height ~= y, 0..<width ~= x else { continue }
                let weight = kernel.elements[((i * channels + channel) * side + a) * side + b]
                matrix.elements[
                  ((i * height + row) * width + column) * columns + (channel * height + y) * width
                    + x] =
                  Double(weight)
              }
            }
          }
        }
      }
    }
    return matrix
  }

  /// LAPACK's ‖A‖₂, and a bound of its error.
  ///
  /// dgesdd is backward stable: |σ̂ − σ| ≤ p·ε·σ₁ with a p that grows modestly with the extents
  /// (LAPACK Users' Guide, section 4.9.1); p = max(m, n), ε = 2u.
  static func norm(_ matrix: Tensor<Double>) throws -> (value: Double, error: Double) {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let values = LAPACK.singularValues(matrix.elements, rows: rows, columns: columns)
    struct NoConvergence: Error {}
    guard let largest = values?.first else { throw NoConvergence() }
    return (largest, Double(max(rows, columns)) * 0x1p-52 * largest)
  }
}
