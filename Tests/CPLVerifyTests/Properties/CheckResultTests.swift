// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Verdicts of property checks")
struct CheckResultTests {
  /// A check that finds what it is given.
  private struct Given: PropertyCheck {
    let id = "given.findings"
    let statement = "what is given holds"
    let source = "this test"
    let measurements: [Measurement]
    var control = Measurement("x", 2, .atMost, 1, cases: 1)
    var error: (any Error)?

    func run(_ context: CheckContext) throws -> Findings {
      if let error { throw error }
      return Findings(measurements, control: PositiveControl("x is 2", control))
    }
  }

  private static let good = Measurement("x", 1, .atMost, 1, cases: 1)

  private func result(_ check: Given, budget: Double = .infinity) throws -> CheckResult {
    let context = CheckContext(seed: 0, effort: .quick, workers: .serial)
    return try PropertySuite.run([check], context, budget: budget, clock: { 1 }) { _, _ in }[0]
  }

  @Test("what is within its bound and its tolerance holds, on either side")
  func bounds() {
    #expect(Measurement("x", 1.1, .atMost, 1, cases: 1).verdict == .violated)
    #expect(Measurement("x", 1.1, .atMost, 1, tolerance: 0.2, cases: 1).verdict == .holds)
    #expect(Measurement("x", 0.9, .atLeast, 1, cases: 1).verdict == .violated)
    #expect(Measurement("x", 0.9, .atLeast, 1, tolerance: 0.2, cases: 1).verdict == .holds)
    #expect(Measurement("x", .infinity, .atMost, 1, cases: 1).verdict == .violated)
    #expect(Measurement("x", worstOf: [0, 3, 1], .atMost, 2).value == 3)
    #expect(Measurement("x", worstOf: [0, 3, 1], .atLeast, 2).value == 0)
    #expect(Measurement(failuresOf: "x", [true, false]).verdict == .violated)
    #expect(Measurement(failuresOf: "x", [false, false]).verdict == .holds)
  }

  @Test("NaN never holds, wherever it is", arguments: Measurement.Relation.allRelations)
  func notANumber(relation: Measurement.Relation) {
    #expect(Measurement("x", .nan, relation, 1, cases: 1).verdict == .inconclusive)
    #expect(Measurement("x", 1, relation, .nan, cases: 1).verdict == .inconclusive)
    #expect(
      Measurement("x", 1, relation, 1, tolerance: .nan, cases: 1).verdict == .inconclusive)
    for values in [[.nan, 0, 1], [0, .nan, 1], [0, 1, .nan]] as [[Double]] {
      #expect(Measurement("x", worstOf: values, relation, 0.5).verdict == .inconclusive)
    }
  }

  @Test("nothing holds of no cases")
  func noCases() throws {
    #expect(Measurement("x", worstOf: [Double](), .atMost, 1).verdict == .inconclusive)
    #expect(Measurement("x", worstOf: [Double](), .atLeast, -1).verdict == .inconclusive)
    #expect(Measurement(failuresOf: "x", [Bool]()).verdict == .inconclusive)
    #expect(try result(Given(measurements: [])).verdict == .inconclusive)
    #expect([CheckResult]().verdict == .inconclusive)
  }

  @Test("a check holds only when its positive control comes out violated")
  func controls() throws {
    #expect(try result(Given(measurements: [Self.good])).verdict == .holds)
    for value in [0, 1, Double.nan] {
      let control = Measurement("x", value, .atMost, 1, cases: 1)
      let result = try result(Given(measurements: [Self.good], control: control))
      #expect(result.verdict == .inconclusive)
      #expect(result.reason?.contains("positive control") == true)
    }
    let unseen = Measurement("x", worstOf: [Double](), .atMost, 1)
    #expect(
      try result(Given(measurements: [Self.good], control: unseen)).verdict == .inconclusive)
  }

  @Test("one measurement that does not hold decides")
  func decisive() throws {
    let bad = Measurement("y", 3, .atMost, 1, cases: 1)
    let unknown = Measurement("z", .nan, .atMost, 1, cases: 1)
    let both = try result(Given(measurements: [Self.good, unknown, bad]))
    #expect(both.verdict == .violated)
    #expect(both.decisive == bad)
    let one = try result(Given(measurements: [Self.good, unknown]))
    #expect(one.verdict == .inconclusive)
    #expect(one.decisive?.quantity == "z")
  }

  @Test("what cannot be checked says so; other errors are passed on")
  func errors() throws {
    let lacking = try result(Given(measurements: [], error: NotApplicable("no data")))
    #expect(lacking.verdict == .notApplicable)
    #expect(lacking.reason == "no data")
    let unproved = try result(
      Given(
        measurements: [],
        error: VerificationError.enclosureNotFound(what: "W", reason: "it is large")))
    #expect(unproved.verdict == .inconclusive)
    struct Stop: Error {}
    #expect(throws: Stop.self) { try result(Given(measurements: [], error: Stop())) }
    let late = try result(Given(measurements: [Self.good]), budget: 0.5)
    #expect(late.verdict == .inconclusive)
    #expect(late.reason == "the budget ran out")
  }

  @Test("a suite is violated before it is inconclusive, and not applicable fails nothing")
  func suites() throws {
    let good = try result(Given(measurements: [Self.good]))
    let bad = try result(Given(measurements: [Measurement("y", 3, .atMost, 1, cases: 1)]))
    let unknown = try result(Given(measurements: []))
    let lacking = try result(Given(measurements: [], error: NotApplicable("no data")))
    #expect([good, lacking].verdict == .holds)
    #expect([good, unknown, lacking].verdict == .inconclusive)
    #expect([good, unknown, bad].verdict == .violated)
    #expect([lacking].verdict == .inconclusive)
  }
}

extension Measurement.Relation {
  fileprivate static let allRelations: [Self] = [.atMost, .atLeast]
}
