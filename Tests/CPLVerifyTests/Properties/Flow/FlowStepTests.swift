// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("Discretisations")
struct FlowStepTests {
  private func skew(_ order: Int, scale: Double = 1) -> SquareMatrix {
    var random = CounterRandom(seed: 4, purpose: .test)
    return .skew(order: order, scale: scale, random: &random)
  }

  private func rotation(_ angle: Double) -> SquareMatrix {
    SquareMatrix(order: 2, elements: [cos(angle), -sin(angle), sin(angle), cos(angle)])
  }

  private func distance(_ a: SquareMatrix, _ b: SquareMatrix) -> Double {
    (a - b).frobeniusNormUpperBound
  }

  @Test(
    "in the plane Cayley's transform turns by 2 arctan(h/2), the exponential by h",
    arguments: [0.01, 1, 7.5])
  func plane(stepSize: Double) throws {
    let generator = SquareMatrix(order: 2, elements: [0, -1, 1, 0])
    let cayley = try SkewStep.cayley(generator, stepSize: stepSize)
    #expect(distance(cayley.value, rotation(2 * atan(stepSize / 2))) <= cayley.errorBound + 1e-15)
    let exponential = SkewStep.exponential(ofSkew: stepSize * generator)
    #expect(distance(exponential.value, rotation(stepSize)) <= exponential.errorBound + 1e-15)
    #expect(max(cayley.errorBound, exponential.errorBound) < 1e-13)
  }

  @Test(
    "exp(A) exp(−A) = I and exp(A) = exp(A/3)³, within the error bounds", arguments: [0.1, 1, 6])
  func exponentialLaws(scale: Double) {
    let matrix = skew(20, scale: scale)
    let whole = SkewStep.exponential(ofSkew: matrix)
    let inverse = SkewStep.exponential(ofSkew: -1 * matrix)
    // Products of orthogonal matrices carry the sum of their errors, and γ_n·n of rounding.
    let rounding = 1e-13
    #expect(
      distance(whole.value * inverse.value, .identity(20))
        <= 1.01 * (whole.errorBound + inverse.errorBound) + rounding)
    let third = SkewStep.exponential(ofSkew: (1 / 3.0) * matrix)
    #expect(
      distance(third.value * third.value * third.value, whole.value)
        <= 1.01 * (3 * third.errorBound + whole.errorBound) + rounding)
    #expect(whole.errorBound < 1e-11)
    let defect = whole.orthogonalityDefect
    #expect(defect.value <= defect.tolerance)
  }

  @Test(
    "a matrix that is not skew by a millionth has an exponential and a transform that are not orthogonal"
  )
  func leaning() throws {
    var matrix = skew(20)
    matrix[3, 2] *= 1 + 1e-6
    for step in [
      SkewStep.exponential(ofSkew: matrix), try SkewStep.cayley(matrix, stepSize: 1),
    ] {
      #expect(step.orthogonalityDefect.value > step.orthogonalityDefect.tolerance)
    }
  }

  @Test("schemes that are not orthogonal are found out: explicit Euler, a series of four terms")
  func wrongSchemes() {
    let matrix = skew(20)
    for step in [
      SkewStep.explicitEuler(matrix, stepSize: 0.1),
      SkewStep.exponentialSeries(0.1 * matrix, terms: 4),
    ] {
      #expect(step.orthogonalityDefect.value > step.orthogonalityDefect.tolerance)
    }
  }

  @Test("the series of a multiple of the identity is the number's series")
  func series() {
    for terms in 1...6 {
      let expected: Double = (0..<terms).reduce(0) {
        $0 + pow(0.5, Double($1)) / tgamma(Double($1) + 1)
      }
      let sum = SkewStep.exponentialSeries(0.5 * .identity(3), terms: terms)
      #expect(distance(sum.value, expected * .identity(3)) <= sum.errorBound + 1e-15)
    }
  }

  @Test("the implicit step of one ridge has a closed form", arguments: [0.5, 3, 1e4])
  func implicitClosedForm(stepSize: Double) throws {
    // f(y) = ½max(y, 0)²: y = x/(1 + h) for x > 0, x elsewhere. f(y) = ½y²: always the first.
    let cases: [(outer: RidgePotential.Outer, x: Double, expected: Double)] = [
      (.rectified, 2, 2 / (1 + stepSize)), (.rectified, -2, -2),
      (.quadratic, -2, -2 / (1 + stepSize)),
      // |y| ≤ 1 where |x| ≤ 1 + h, and beyond that y = x − h.
      (.huber, 2 + 2 * stepSize, 2 + stepSize), (.huber, 0.5, 0.5 / (1 + stepSize)),
    ]
    for (outer, x, expected) in cases {
      let potential = try RidgePotential(
        outer: outer, weights: Tensor(shape: [1, 1], elements: [1]), bias: [0])
      let step = try potential.implicitStep([x], stepSize: stepSize)
      #expect(abs(step.value[0] - expected) <= step.errorBound + 1e-15 * abs(expected))
      // h times the rounding of ∇f at a point no farther than x.
      #expect(step.errorBound < 1e-14 * (1 + stepSize) * (1 + abs(x)))
    }
  }

  @Test(
    "an implicit step solves its equation for every potential",
    arguments: RidgePotential.Outer.allCases)
  func implicitResidual(outer: RidgePotential.Outer) throws {
    var random = CounterRandom(seed: 6, purpose: .test)
    let potential = try RidgePotential.random(outer, units: 30, dimension: 20, random: &random)
    for stepSize in [0.01, 1, 1000] {
      let x: [Double] = random.normals(20)
      let step = try potential.implicitStep(x, stepSize: stepSize)
      // y is the explicit step backwards: x = y + h∇f(y).
      let back = potential.explicitStep(step.value, stepSize: -stepSize).value
      #expect(EnclosedDistance(back, x).upperBound <= 2 * step.errorBound)
      #expect(step.errorBound < 1e-12 * (1 + stepSize) * 10)
    }
  }

  @Test("an expansion's ratio is a lower bound, and NaN and hopeless tolerances hold nothing")
  func expansion() throws {
    let doubled = Expansion(
      of: { Evaluation(value: $0.map { 2 * $0 }, errorBound: 0) }, [1, 2], [0, 0])
    #expect(doubled.ratio <= 2 && doubled.ratio > 2 - 1e-14 && doubled.tolerance == 0)
    #expect(try [doubled].measurement("", atMost: 2, from: "").verdict == .holds)
    #expect(try [doubled].measurement("", atMost: 1.999, from: "").verdict == .violated)
    let lost = Expansion(
      of: { Evaluation(value: $0.map { _ in .nan }, errorBound: 0) }, [1, 2], [0, 0])
    #expect(try [doubled, lost].measurement("", atMost: 2, from: "").verdict == .inconclusive)
    let vague = Expansion(of: { Evaluation(value: $0, errorBound: 1) }, [1, 2], [0, 0])
    #expect(throws: VerificationError.self) { try [vague].measurement("", from: "") }
    #expect(try [Expansion]().measurement("", from: "").verdict == .inconclusive)
  }

  @Test("linear equations are solved for every right side; a singular matrix is none")
  func solve() {
    let matrix: [Double] = [2, 1, 0, 1, 3, 1, 0, 5, 4]
    let solutions: [Double] = [1, 2, 3, -1, 0, 2]
    let square = SquareMatrix(order: 3, elements: matrix)
    let sides = square * Array(solutions[..<3]) + square * Array(solutions[3...])
    let solved = LAPACK.solve(matrix, order: 3, rightSides: sides) ?? []
    #expect(relativeError(solved, solutions) < 1e-14)
    #expect(LAPACK.solve([1, 2, 2, 4], order: 2, rightSides: [1, 1]) == nil)
  }
}
