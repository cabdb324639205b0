// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Checks of flows and their discretisations")
struct FlowChecksTests {
  @Test(
    "each check holds on seed after seed, and its positive control is caught",
    arguments: FlowChecks.all.indices)
  func allHold(index: Int) throws {
    let check = FlowChecks.all[index]
    for seed in 0..<5 as Range<UInt64> {
      let context = CheckContext(seed: seed, effort: .quick, workers: .serial)
      let results = try PropertySuite.run(
        [check], context, clock: { 0 }, report: { _, _ in })
      let result = try #require(results.first)
      #expect(result.verdict == .holds, "\(check.id), seed \(seed): \(result.reason ?? "")")
      // No tolerance may hide a fault of 0.1 %.
      for measurement in result.measurements {
        #expect(measurement.tolerance <= 1e-5, "\(check.id): \(measurement.quantity)")
      }
    }
  }

  @Test("the same seed gives the same numbers, and another seed others")
  func deterministic() throws {
    func measured(_ seed: UInt64) throws -> [[Measurement]] {
      try FlowChecks.all.dropFirst(2).map {
        try $0.run(CheckContext(seed: seed, effort: .quick, workers: .serial)).measurements
      }
    }
    #expect(try measured(7) == measured(7))
    #expect(try measured(7) != measured(8))
  }

  @Test("histories and negative controls are there to be drawn")
  func figures() throws {
    let context = CheckContext(seed: 0, effort: .quick, workers: .serial)
    for check in FlowChecks.all
    where ["flow.contraction", "flow.nonexpansive", "step.euler-skew"].contains(check.id) {
      let figures = try check.run(context).figures
      #expect(!figures.isEmpty)
      for curve in figures.flatMap(\.curves) {
        #expect(curve.x.count > 10 && curve.y[0] > 0.99 && curve.y[0] < 1.01, "\(curve.name)")
        #expect(curve.x == curve.x.sorted())
      }
    }
  }
}
