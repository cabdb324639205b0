// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Fields with known rates")
struct FlowFieldTests {
  private func numbers(_ stream: UInt32) -> CounterRandom {
    CounterRandom(seed: 3, purpose: .test, major: stream)
  }

  @Test("Hadamard's basis gives a symmetric part with the eigenvalues asked for")
  func knownEigenvalues() throws {
    var random = numbers(0)
    let eigenvalues = (0..<16).map { Double($0 * 7 % 16 - 9) / 8 }
    let field = LinearField.known(
      eigenvalues: eigenvalues, slope: 0.25, scale: 1, random: &random)
    let symmetric = 0.5 * (field.constant + field.constant.transposed)
    let negative = -1 * symmetric
    let largest = try #require(LAPACK.largestEigenpair(symmetric.elements, order: 16))
    let smallest = try #require(LAPACK.largestEigenpair(negative.elements, order: 16))
    // dsyevr is backward stable: n·2u of the norm.
    #expect(abs(largest.value - 0.75) < 16 * 0x1p-52 * 1.125)
    #expect(abs(-smallest.value + 1.125) < 16 * 0x1p-52 * 1.125)
    #expect(symmetric.elements.reduce(0) { $0 + $1 * $1 } == eigenvalues.reduce(0) { $0 + $1 * $1 })
    #expect(field.upperRate == LinearRate(constant: 0.75, slope: 0.25))
    #expect(field.lowerRate == LinearRate(constant: -1.125, slope: 0.25))
  }

  @Test("random skew matrices are skew to the bit")
  func skew() {
    var random = numbers(1)
    let matrix = SquareMatrix.skew(order: 9, scale: 2, random: &random)
    #expect(-1 * matrix.transposed == matrix)
    #expect(matrix.elements.contains { $0 != 0 })
  }

  @Test("an affine rate integrates to its closed form, between bounds a few roundings apart")
  func rates() {
    let rate = LinearRate(constant: -0.7, slope: 0.3)
    let exact = -0.7 * 1.5 + 0.15 * (2 * 2 - 0.5 * 0.5)
    let (below, above) = (
      rate.integral(over: 0.5...2, .down), rate.integral(over: 0.5...2, .up)
    )
    #expect(below <= exact && exact <= above && above - below < 1e-14)
    let (shrunk, grown) = (rate.growth(over: 0.5...2, .down), rate.growth(over: 0.5...2, .up))
    #expect(shrunk < exp(exact) && exp(exact) < grown && grown / shrunk < 1 + 1e-14)
  }

  @Test(
    "gradients are those of the formula, as close as their error bounds say",
    arguments: RidgePotential.Outer.allCases)
  func gradient(outer: RidgePotential.Outer) throws {
    var random = numbers(2)
    let weights = Tensor<Float>(shape: [40, 24], elements: random.normals(40 * 24))
    let bias: [Float] = random.normals(40)
    let potential = try RidgePotential(outer: outer, weights: weights, bias: bias)
    let x: [Double] = random.normals(24)
    let computed = potential.gradient(x)
    // The same in real arithmetic, but for the softmax's exponentials.
    var p = bias.map { FixedPoint(Double($0)) }
    for row in 0..<40 {
      for column in 0..<24 {
        p[row] = p[row] + FixedPoint(x[column]) * Double(weights.elements[row * 24 + column])
      }
    }
    let slopes: [FixedPoint]
    switch outer {
    case .quadratic: slopes = p
    case .rectified: slopes = p.map { max($0, FixedPoint(0)) }
    case .huber: slopes = p.map { min(max($0, FixedPoint(-1)), FixedPoint(1)) }
    case .logSumExp:
      let powers = p.map { exp(($0 < FixedPoint(0) ? -1 : 1) * $0.magnitudeUpperBound) }
      slopes = powers.map { FixedPoint($0) / powers.reduce(0, +) }
    }
    var squaredError = 0.0
    for column in 0..<24 {
      let exact = (0..<40).reduce(FixedPoint(0)) { sum, row in
        sum + slopes[row] * Double(weights.elements[row * 24 + column])
      }
      squaredError += pow(exact.distance(to: computed.value[column]), 2)
    }
    #expect(squaredError.squareRoot() <= computed.errorBound)
    #expect(computed.errorBound < 1e-11 * EuclideanNorm.upperBound(computed.value))
  }

  @Test(
    "Hessians are the gradients' derivatives and lie between 0 and L",
    arguments: RidgePotential.Outer.allCases)
  func hessian(outer: RidgePotential.Outer) throws {
    var random = numbers(3)
    let potential = try RidgePotential.random(outer, units: 15, dimension: 10, random: &random)
    let (x, direction): ([Double], [Double]) = (random.normals(10), random.normals(10))
    let hessian = potential.hessian(x)
    let step = 1e-5
    let ahead = potential.gradient(zip(x, direction).map { $0 + step * $1 }).value
    let behind = potential.gradient(zip(x, direction).map { $0 - step * $1 }).value
    let difference = zip(ahead, behind).map { ($0 - $1) / (2 * step) }
    // Central differences: h² of the third derivatives, and 10⁻¹⁶/h of rounding.
    #expect(relativeError(hessian * direction, difference) < 1e-8)
    let largest = try #require(LAPACK.largestEigenpair(hessian.elements, order: 10))
    let smallest = try #require(LAPACK.largestEigenpair((-1 * hessian).elements, order: 10))
    let rounding = 100 * 0x1p-53 * potential.smoothnessUpperBound
    #expect(largest.value <= potential.smoothnessUpperBound + rounding)
    #expect(-smallest.value >= -rounding)
    if outer == .quadratic {
      #expect(largest.value >= potential.smoothnessUpperBound * (1 - 1e-5))
    }
  }

  @Test("a field is the sum of its parts, and its rates are those of both")
  func sum() throws {
    var random = numbers(4)
    let potential = try RidgePotential.random(.rectified, units: 12, dimension: 8, random: &random)
    let linear = LinearField.known(
      eigenvalues: Array(repeating: -0.5, count: 8), slope: 0.25, scale: 1, random: &random)
    let field = GradientSkewField(potential: potential, linear: linear)
    let x: [Double] = random.normals(8)
    let matrix = linear.constant + 0.5 * linear.slope
    let expected = zip(matrix * x, potential.gradient(x).value).map(-)
    #expect(relativeError(field.evaluate(x, time: 0.5).value, expected) < 1e-14)
    #expect(field.upperRate == LinearRate(constant: -0.5, slope: 0.25))
    #expect(field.lowerRate.slope == 0.25)
    #expect(field.lowerRate.constant <= -0.5 - potential.smoothnessUpperBound)
    #expect(field.lowerRate.constant > -0.5 - potential.smoothnessUpperBound * (1 + 1e-15) - 1e-15)
  }
}
