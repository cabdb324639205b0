// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Distances of solutions and what the integration did to them")
struct DistanceHistoryTests {
  /// x′ = f(t, x) for a number x, with claims as given.
  private struct ScalarField: VectorField {
    let dimension = 1
    var lowerRate: LinearRate
    var upperRate: LinearRate
    let function: @Sendable (Double, Double) -> Double

    func evaluate(_ x: [Double], time: Double) -> Evaluation {
      let value = function(time, x[0])
      return Evaluation(value: [value], errorBound: 8 * 0x1p-53 * (abs(value) + abs(x[0])))
    }

    func lipschitzUpperBound(until time: Double) -> Double { 4 }
  }

  private let settings = DistanceHistory.Settings(duration: 2, stepTolerance: 1e-12)

  @Test("logistic growth: the distance is that of the closed form, within the error bound")
  func logistic() throws {
    // ∂F = 1 − 2x lies in [−1, 1] on [0, 1].
    let field = ScalarField(
      lowerRate: LinearRate(constant: -1), upperRate: LinearRate(constant: 1)
    ) { $1 * (1 - $1) }
    let history = try DistanceHistory(field, from: ([0.1], [0.6]), settings)
    for point in history.points {
      func exact(_ start: Double) -> Double {
        1 / (1 + (1 / start - 1) * exp(-point.time))
      }
      let distance = exact(0.6) - exact(0.1)
      // Both solutions err; Grönwall's bound for each defect is that for their difference at most
      // twice, since the two defects could have cancelled. The closed form rounds itself.
      let allowed = 4 * point.errorAbove + 1e-15
      #expect(abs(point.distance.upperBound - distance) <= allowed, "t = \(point.time)")
    }
    let last = try #require(history.points.last)
    #expect(last.time == 2)
    #expect(last.errorAbove < 1e-8)
  }

  @Test("a linear field: the distance is that of the matrix exponential, within the error bound")
  func linear() throws {
    var random = CounterRandom(seed: 1, purpose: .test)
    let matrix = SquareMatrix.skew(order: 8, scale: 1, random: &random)
    // x′ = (A + I/4) x, so δ_t = e^{t/4} exp(tA) δ₀.
    let rate = LinearRate(constant: 0.25)
    let field = LinearField(
      constant: matrix + 0.25 * .identity(8), slope: 0 * .identity(8), lowerRate: rate,
      upperRate: rate)
    let (x, y): ([Double], [Double]) = (random.normals(8), random.normals(8))
    let history = try DistanceHistory(field, from: (x, y), settings)
    let initial = EnclosedDistance(x, y)
    for point in history.points.dropFirst() {
      let exact = exp(0.25 * point.time) * initial.upperBound
      #expect(abs(point.distance.upperBound - exact) <= point.errorAbove + 4e-15 * exact)
      #expect(point.errorAbove == point.errorBelow)
    }
    let last = try #require(history.points.last)
    #expect(last.errorAbove < 1e-7 * initial.lowerBound)
  }

  @Test("a harmonic rotation keeps distances, to within a bound of 10⁻⁸")
  func rotation() throws {
    let rotation = SquareMatrix(order: 2, elements: [0, -1, 1, 0])
    let still = LinearRate(constant: 0)
    let field = LinearField(
      constant: rotation, slope: 0 * .identity(2), lowerRate: still, upperRate: still)
    let history = try DistanceHistory(
      field, from: ([1, 0], [0, 0]),
      DistanceHistory.Settings(duration: 2 * .pi, stepTolerance: 1e-12))
    let last = try #require(history.points.last)
    #expect(abs(last.distance.upperBound - 1) <= last.errorAbove + 1e-15)
    #expect(last.errorAbove < 1e-8)
  }

  @Test("across a bend: the distance is that of the closed form, within the error bound")
  func bend() throws {
    // One ridge, f(x) = ½max(x + 1, 0)²: from above −1 x + 1 decays as e^{−t}; from below nothing
    // moves. Lifted by the field x′ += 1, the lower point meets the bend at t = 1.
    struct Lifted: VectorField {
      let potential: RidgePotential
      let dimension = 1
      let lowerRate = LinearRate(constant: -1)
      let upperRate = LinearRate(constant: 0)
      var bendWeights: [Double] { potential.bendWeights }
      func bendArguments(_ x: [Double]) -> Evaluation { potential.bendArguments(x) }
      func evaluate(_ x: [Double], time: Double) -> Evaluation {
        let gradient = potential.gradient(x)
        return Evaluation(
          value: [1 - gradient.value[0]], errorBound: gradient.errorBound + 0x1p-51)
      }
      func lipschitzUpperBound(until time: Double) -> Double { 1 }
    }
    let field = Lifted(
      potential: try RidgePotential(
        outer: .rectified, weights: Tensor(shape: [1, 1], elements: [1]), bias: [1]))
    let history = try DistanceHistory(field, from: ([2], [-2]), settings)
    var largest = 0.0
    for point in history.points {
      // p = x + 1: p′ = 1 − max(p, 0).
      let upper = 1 + 2 * exp(-point.time)
      let lower = point.time < 1 ? point.time - 1 : 1 - exp(1 - point.time)
      let error = abs(point.distance.upperBound - (upper - lower))
      #expect(error <= 4 * point.errorAbove + 4e-15, "t = \(point.time)")
      largest = max(largest, point.errorAbove)
    }
    #expect(largest < 1e-8)
    #expect(history.rejectedSteps > 0)
  }

  @Test("a claim that is 0.01 % off is contradicted, on either side")
  func overclaims() throws {
    let function: @Sendable (Double, Double) -> Double = { time, x in (0.5 - 0.25 * time) * x }
    let exact = LinearRate(constant: 0.5, slope: -0.25)
    var field = ScalarField(lowerRate: exact, upperRate: exact, function: function)
    func verdicts() throws -> [CPLVerify.Measurement.Verdict] {
      let history = try DistanceHistory(field, from: ([1], [-0.5]), settings)
      return [
        try CPLVerify.Measurement(
          "", worstOf: history.upperRatios(field.upperRate), .atMost, 1, from: ""
        ).verdict,
        try CPLVerify.Measurement(
          "", worstOf: history.lowerRatios(field.lowerRate), .atLeast, 1, from: ""
        ).verdict,
      ]
    }
    #expect(try verdicts() == [.holds, .holds])
    field.upperRate = LinearRate(constant: 0.5 * (1 - 1e-4), slope: -0.25)
    #expect(try verdicts() == [.violated, .holds])
    field.upperRate = exact
    field.lowerRate = LinearRate(constant: 0.5 * (1 + 1e-4), slope: -0.25)
    #expect(try verdicts() == [.holds, .violated])
  }

  @Test("under a concave potential distances grow, and the step ratios say so")
  func concave() throws {
    struct Reversed: VectorField {
      let potential: RidgePotential
      var dimension: Int { potential.dimension }
      let lowerRate = LinearRate(constant: 0)
      let upperRate = LinearRate(constant: 0)
      func evaluate(_ x: [Double], time: Double) -> Evaluation { potential.gradient(x) }
      func lipschitzUpperBound(until time: Double) -> Double { potential.smoothnessUpperBound }
    }
    for outer in RidgePotential.Outer.allCases {
      var random = CounterRandom(seed: 2, purpose: .test)
      let field = Reversed(
        potential: try .random(outer, units: 12, dimension: 8, scale: 0.6, random: &random))
      let history = try DistanceHistory(
        field, from: (random.normals(8), random.normals(8)),
        DistanceHistory.Settings(duration: 0.5))
      let measured = try CPLVerify.Measurement(
        "", worstOf: history.stepRatios, .atMost, 1, from: "")
      #expect(measured.verdict == .violated, "\(outer)")
    }
  }

  @Test("a solution that leaves the numbers, and one that needs too many steps, is an error")
  func failures() {
    let rate = LinearRate(constant: 0)
    let explosive = ScalarField(lowerRate: rate, upperRate: rate) { $1 * $1 }
    #expect(throws: VerificationError.self) {
      try DistanceHistory(explosive, from: ([2], [1]), settings)
    }
    let broken = ScalarField(lowerRate: rate, upperRate: rate) { time, _ in
      time > 1 ? .nan : 0
    }
    #expect(throws: VerificationError.self) {
      try DistanceHistory(broken, from: ([2], [1]), settings)
    }
    var short = settings
    short.stepLimit = 0
    let plain = ScalarField(lowerRate: rate, upperRate: rate) { -$1 * (1 + $0) }
    #expect(
      throws: VerificationError.enclosureNotFound(
        what: "integration", reason: "0 steps led no farther than time 0.0")
    ) { try DistanceHistory(plain, from: ([1e-9], [1e9]), short) }
  }
}
