// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference
import Foundation

/// A convex potential f(x) = g(Wx + b) on R^d, of which a convex potential layer is the case
/// g(p) = Σ ½max(p_i, 0)².
package struct RidgePotential: Sendable {
  /// g, convex, with the Hessian between 0 and `curvature`.
  package enum Outer: String, CaseIterable, Sendable {
    /// ½‖p‖².
    case quadratic
    /// log Σ exp p_i.
    case logSumExp = "log-sum-exp"
    /// Σ ½max(p_i, 0)²: the gradient is ReLU.
    case rectified = "relu-ridges"
    /// Σ ½p_i² where |p_i| ≤ 1 and |p_i| − ½ elsewhere.
    case huber

    /// The largest eigenvalue that g's Hessian can have. For log-sum-exp it is
    /// diag(s) − ssᵀ, with the quadratic form Var_s(v) ≤ (max v − min v)²/4 ≤ ½‖v‖² (Popoviciu).
    package var curvature: Double { self == .logSumExp ? 0.5 : 1 }
  }

  package let outer: Outer
  /// W, n × d.
  package let map: DenseMap<Double>
  /// b.
  package let bias: [Double]
  /// The enclosure of ‖W‖₂.
  package let spectralNorm: SpectralNormEnclosure
  /// L: 0 ⪯ ∇²f ⪯ L I with L = RU(curvature·‖W‖²).
  package let smoothnessUpperBound: Double
  /// The bends of ∇f (`VectorField`): each ridge's for the ReLU, two a ridge for Huber's function,
  /// ∇g(p) = max(p + 1, 0) − max(p − 1, 0) − 1.
  package let bendWeights: [Double]
  private let frobeniusNorm: Double
  private let biasNorm: Double

  /// The potential with W and b as stored in binary32.
  ///
  /// - Throws: what `VerifiedSpectralNorm.dense` throws.
  package init(outer: Outer, weights: Tensor<Float>, bias: [Float]) throws(VerificationError) {
    self.outer = outer
    spectralNorm = try VerifiedSpectralNorm.dense(weights)
    map = DenseMap(weights: weights.converted())
    self.bias = bias.map(Double.init)
    smoothnessUpperBound = Rounding.up.product(
      outer.curvature,
      Rounding.up.product(spectralNorm.upperBound, spectralNorm.upperBound))
    frobeniusNorm = EuclideanNorm.upperBound(map.weights.elements)
    biasNorm = EuclideanNorm.upperBound(self.bias)
    let columns = weights.shape[1]
    let elements = map.weights.elements
    let ridges = stride(from: 0, to: elements.count, by: columns).map {
      EuclideanNorm.upperBound(Array(elements[$0..<$0 + columns]))
    }
    bendWeights =
      switch outer {
      case .quadratic, .logSumExp: []
      case .rectified: ridges
      case .huber: ridges + ridges
      }
  }

  /// A random potential with `units` ridges; W's entries have deviation `scale`/√d.
  ///
  /// - Throws: what `VerifiedSpectralNorm.dense` throws.
  package static func random(
    _ outer: Outer, units: Int, dimension: Int, scale: Double = 1,
    random: inout CounterRandom
  ) throws(VerificationError) -> RidgePotential {
    let deviation = scale / Double(dimension).squareRoot()
    let weights: [Double] = random.normals(units * dimension)
    let bias: [Float] = random.normals(units)
    return try RidgePotential(
      outer: outer,
      weights: Tensor(shape: [units, dimension], elements: weights.map { Float($0 * deviation) }),
      bias: bias)
  }

  package var dimension: Int { map.weights.shape[1] }
  private var units: Int { map.weights.shape[0] }

  /// p = Wx + b, to nearest.
  private func preactivations(_ x: [Double]) -> [Double] {
    zip(map.apply(Tensor(shape: [dimension], elements: x)).elements, bias).map(+)
  }

  /// A bound on ‖p̂ − p‖.
  private func preactivationError(_ x: [Double]) -> Double {
    Rounding.gamma(dimension + 1) * (frobeniusNorm * EuclideanNorm.upperBound(x) + biasNorm)
  }

  /// The arguments of ∇f's bends, in the order of `bendWeights`.
  package func bendArguments(_ x: [Double]) -> Evaluation {
    let p = preactivations(x)
    // Adding 1 rounds by u of the sum.
    let error =
      preactivationError(x) + 2 * Rounding.unitRoundoff * (1 + EuclideanNorm.upperBound(p))
    return switch outer {
    case .quadratic, .logSumExp: Evaluation(value: [], errorBound: 0)
    case .rectified: Evaluation(value: p, errorBound: error)
    case .huber: Evaluation(value: p.map { $0 + 1 } + p.map { $0 - 1 }, errorBound: error)
    }
  }

  /// ∇f(x) = Wᵀ∇g(Wx + b) and a bound on its rounding.
  ///
  /// p̂ errs by at most e = γ_{d+1}(‖W‖_F‖x‖ + ‖b‖). ∇g is 1-Lipschitz, exact but for the softmax:
  /// with z_i = p_i − max p, exp z_i errs relatively by (|z_i| + 2)u, and |z|e^{−|z|} ≤ 0.37, so
  /// that each of the n components errs by at most (6 + 1.4n)u. The second product adds
  /// γ_n‖W‖_F‖s‖ for the computed s, and the first errors pass it multiplied by at most ‖W‖_F.
  package func gradient(_ x: [Double]) -> Evaluation {
    let (slopes, weights) = (outer.slopes(preactivations(x)), map.weights.shape)
    let value = map.applyTransposed(Tensor(shape: [weights[0]], elements: slopes)).elements
    var inner = preactivationError(x)
    if outer == .logSumExp {
      inner += Double(units).squareRoot() * Rounding.gamma(2 * units + 8)
    }
    let second = Rounding.gamma(units) * EuclideanNorm.upperBound(slopes)
    // The bound itself rounds a few times.
    return Evaluation(value: value, errorBound: frobeniusNorm * (inner + second) * (1 + 0x1p-48))
  }

  /// ∇²f(x), an element of the generalised Hessian where g has kinks; to nearest.
  package func hessian(_ x: [Double]) -> SquareMatrix {
    let p = preactivations(x)
    let (curvatures, mean) = outer.curvatures(p)
    var scaled = map.weights.elements
    for row in 0..<units {
      for column in 0..<dimension { scaled[row * dimension + column] *= curvatures[row] }
    }
    var hessian = SquareMatrix(
      order: dimension, elements: Array(repeating: 0, count: dimension * dimension))
    BLAS.multiply(
      transposeA: true, transposeB: false, rows: dimension, columns: dimension, depth: units,
      alpha: 1, map.weights.elements, lda: dimension, scaled, ldb: dimension, beta: 0,
      &hessian.elements, ldc: dimension)
    if let mean {
      let pulled = map.applyTransposed(Tensor(shape: [units], elements: mean)).elements
      for row in 0..<dimension {
        for column in 0..<dimension { hessian[row, column] -= pulled[row] * pulled[column] }
      }
    }
    return hessian
  }

  /// A unit vector along which W stretches most, as far as Lanczos' method finds it: ‖Wv‖ may be
  /// anything up to ‖W‖₂.
  package var topDirection: [Double] { TopDirection.of(map).elements }
}

extension RidgePotential.Outer {
  /// ∇g(p).
  func slopes(_ p: [Double]) -> [Double] {
    switch self {
    case .quadratic: return p
    case .rectified: return p.map { max($0, 0) }
    case .huber: return p.map { min(max($0, -1), 1) }
    case .logSumExp:
      let largest = p.max() ?? 0
      let powers = p.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// ∇²g(p) = diag(curvatures) − mean·meanᵀ, the second term for log-sum-exp alone.
  func curvatures(_ p: [Double]) -> ([Double], mean: [Double]?) {
    switch self {
    case .quadratic: return (p.map { _ in 1 }, nil)
    case .rectified: return (p.map { $0 > 0 ? 1 : 0 }, nil)
    case .huber: return (p.map { $0.magnitude < 1 ? 1 : 0 }, nil)
    case .logSumExp:
      let shares = slopes(p)
      return (shares, shares)
    }
  }
}
