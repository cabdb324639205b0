// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Dormand and Prince's method")
struct DormandPrinceTests {
  /// The state at `end` after equal steps of x′ = f(t, x) from `start` at time 0.
  private func integrate(
    _ field: (Double, [Double]) -> [Double], from start: [Double], to end: Double, steps: Int
  ) -> [Double] {
    var (state, slope) = (start, field(0, start))
    for index in 0..<steps {
      let step = DormandPrinceStep(
        from: state, slope: slope, start: end * Double(index) / Double(steps),
        duration: end / Double(steps), field)
      (state, slope) = (step.end, step.endSlope)
    }
    return state
  }

  /// log₂ of the quotient of errors at two step sizes, one half of the other.
  private func order(_ error: (_ steps: Int) -> Double, at steps: Int) -> Double {
    log2(error(steps) / error(2 * steps))
  }

  // Between steps so large that the next order shows and so small that rounding does, the measured
  // order lies within a quarter of the method's.

  @Test("logistic growth, x′ = x(1 − x), converges with order 5")
  func logistic() {
    let exact = 1 / (1 + 9 * exp(-1.0))
    let measured = order(
      { abs(integrate({ [$1[0] * (1 - $1[0])] }, from: [0.1], to: 1, steps: $0)[0] - exact) },
      at: 10)
    #expect(abs(measured - 5) < 0.25, "order \(measured)")
  }

  @Test("a field that depends on time, x′ = 2t·x, converges with order 5")
  func timeDependent() {
    let measured = order(
      { abs(integrate({ [2 * $0 * $1[0]] }, from: [1], to: 1, steps: $0)[0] - exp(1)) }, at: 16)
    #expect(abs(measured - 5) < 0.25, "order \(measured)")
  }

  @Test("a rotation comes back after one turn, with order 5")
  func rotation() {
    let measured = order(
      { steps in
        let end = integrate({ [-$1[1], $1[0]] }, from: [1, 0], to: 2 * .pi, steps: steps)
        return hypot(end[0] - 1, end[1])
      }, at: 32)
    #expect(abs(measured - 5) < 0.25, "order \(measured)")
  }

  @Test("one step is a quadrature that is exact to degree 4 and no farther")
  func quadrature() {
    let end = integrate(
      { time, _ in [6 * pow(time, 5), 5 * pow(time, 4)] }, from: [0, 0], to: 1, steps: 1)
    #expect(abs(end[1] - 1) < 1e-14)
    #expect(abs(end[0] - 1) > 1e-5)
  }

  @Test("the extension starts at the state, ends at the end, and its slopes there are the field's")
  func extensionMeetsTheSteps() {
    let step = DormandPrinceStep(
      from: [1, 0.5], slope: [-0.5, 1], start: 0, duration: 0.1, { [-$1[1], $1[0]] })
    #expect(step.state(at: 0) == [1, 0.5])
    #expect(relativeErrorOf(step.state(at: 1), step.end) < 1e-15)
    #expect(relativeErrorOf(step.slope(at: 0), [-0.5, 1]) < 1e-14)
    #expect(relativeErrorOf(step.slope(at: 1), step.endSlope) < 1e-14)
  }

  private func relativeErrorOf(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { abs($0 - $1) }.max()! / b.map(abs).max()!
  }

  @Test("the extension's slope is the derivative of its curve, and its defect is of order 4")
  func defect() {
    func step(_ duration: Double) -> DormandPrinceStep {
      DormandPrinceStep(
        from: [0.1], slope: [0.09], start: 0, duration: duration, { [$1[0] * (1 - $1[0])] })
    }
    let (probe, h) = (step(0.5), 1e-5)
    for theta in [0.2, 0.5, 0.9] {
      let difference =
        (probe.state(at: theta + h)[0] - probe.state(at: theta - h)[0]) / (2 * h * 0.5)
      // Central differences of a polynomial of degree 4: h² of its third derivative, and rounding.
      #expect(abs(probe.slope(at: theta)[0] - difference) < 1e-10)
    }
    func largestDefect(_ duration: Double) -> Double {
      let step = step(duration)
      return ChebyshevSamples.places.map {
        let x = step.state(at: $0)[0]
        return abs(step.slope(at: $0)[0] - x * (1 - x))
      }.max()!
    }
    let measured = log2(largestDefect(0.25) / largestDefect(0.125))
    #expect(abs(measured - 4) < 0.25, "order \(measured)")
  }
}

@Suite("Suprema from Chebyshev samples")
struct ChebyshevSamplesTests {
  @Test("no polynomial of degree 6 exceeds the factor times its largest sample; T₆ attains it")
  func supremum() {
    func chebyshev(_ degree: Int, _ place: Double) -> Double {
      cos(Double(degree) * acos(1 - 2 * place))
    }
    func ratio(_ degree: Int) -> Double {
      1 / ChebyshevSamples.places.map { abs(chebyshev(degree, $0)) }.max()!
    }
    #expect(ratio(6) <= ChebyshevSamples.supremumFactor)
    #expect(ratio(6) >= ChebyshevSamples.supremumFactor * (1 - 1e-5))
    // The places are the zeros of T₁₂.
    #expect(ratio(12) > 1e10)
    var random = CounterRandom(seed: 5, purpose: .test)
    for _ in 0..<200 {
      let weights: [Double] = random.normals(ChebyshevSamples.degree + 1)
      func value(_ place: Double) -> Double {
        abs(weights.indices.reduce(0) { $0 + weights[$1] * chebyshev($1, place) })
      }
      let largest = (0...2000).map { value(Double($0) / 2000) }.max()!
      let sampled = ChebyshevSamples.places.map(value).max()!
      #expect(largest <= ChebyshevSamples.supremumFactor * sampled)
    }
  }

  @Test("a polynomial of degree 4 stays in the range that its samples give it")
  func quarticRange() throws {
    var random = CounterRandom(seed: 6, purpose: .test)
    for _ in 0..<200 {
      let weights: [Double] = random.normals(5)
      func value(_ place: Double) -> Double {
        weights.reversed().reduce(0) { $0 * place + $1 }
      }
      let range = try #require(
        ChebyshevSamples.range(ofQuartic: ChebyshevSamples.places.map(value)))
      #expect((0...1000).allSatisfy { range.contains(value(Double($0) / 1000)) })
    }
    // T₄ attains 1 between the places and is sampled at no more than cos(4π/24).
    let quartic = ChebyshevSamples.places.map { cos(4 * acos(1 - 2 * $0)) }
    let range = try #require(ChebyshevSamples.range(ofQuartic: quartic))
    #expect(range.contains(1) && range.contains(-1) && !range.contains(1.001))
    #expect(ChebyshevSamples.range(ofQuartic: [0, .nan]) == nil)
  }
}
