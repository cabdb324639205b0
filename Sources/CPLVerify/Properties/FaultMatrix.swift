// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// Which checks notice which planted faults.
package struct FaultMatrix: Sendable {
  /// One fault, put through all checks.
  package struct Row: Sendable {
    package let fault: PlantedFault
    package let results: [CheckResult]

    /// The checks that came out violated.
    package var caughtBy: [String] { results.filter { $0.verdict == .violated }.map(\.id) }

    /// Whether one of the checks named for the fault did.
    package var isCaught: Bool { !Set(caughtBy).isDisjoint(with: fault.namedChecks) }
  }

  /// The columns.
  package let checks: [String]
  package let rows: [Row]
  /// All checks without a fault, once for each seed.
  package let unfaulted: [[CheckResult]]

  /// The checks that came out violated or inconclusive without a fault.
  package var falseAlarms: [(seed: UInt64, result: CheckResult)] {
    unfaulted.flatMap { results in
      results.filter { $0.verdict == .violated || $0.verdict == .inconclusive }
        .map { ($0.seed, $0) }
    }
  }

  /// Holds when every fault is caught by a check that is named for it and nothing else is; no faults
  /// or no unfaulted run show nothing.
  package var verdict: CheckResult.Verdict {
    guard !rows.isEmpty, !unfaulted.isEmpty else { return .inconclusive }
    return rows.allSatisfy(\.isCaught) && falseAlarms.isEmpty ? .holds : .violated
  }

  /// Plants every fault in a copy of a context and runs the checks that concern the network.
  ///
  /// - Parameters:
  ///   - stored: the context's network as it was stored.
  ///   - seeds: how many seeds the unfaulted context is run with, from its own on.
  ///   - report: called before each run of a suite with what is next; may throw to stop.
  package init(
    _ faults: [PlantedFault], _ checks: [any PropertyCheck], _ context: CheckContext,
    stored: CPLNetwork<Float>, seeds: Int, clock: () -> Double,
    report: (_ done: Int, _ of: Int, _ next: String) throws -> Void
  ) throws {
    let checks = checks.filter(\.concernsNetwork)
    let total = seeds + faults.count
    self.checks = checks.map(\.id)
    unfaulted = try (0..<seeds).map { index in
      try report(index, total, "no fault, seed \(context.seed &+ UInt64(index))")
      var context = context
      context.seed &+= UInt64(index)
      return try PropertySuite.run(checks, context, clock: clock) { _, _ in }
    }
    rows = try faults.enumerated().map { index, fault in
      try report(seeds + index, total, fault.id)
      let faulty = try fault.plant(context, stored)
      return Row(
        fault: fault,
        results: try PropertySuite.run(checks, faulty, clock: clock) { _, _ in })
    }
  }
}

/// The smallest faults that are noticed.
package struct Sensitivity: Sendable {
  /// The least η of a ladder for which a check is violated with h = (2 + η)/‖W‖², by the check's
  /// name; none where none is. `cpl.step` is told of it, as executed: h is a binary32 number, and the
  /// largest of the layers' counts. From `cpl.nonexpansive` it is hidden: what is bounded is 2/‖W‖².
  package let stepExcess: [String: Double]
  /// The least η for which radii (1 + η) times too large are met on a tight network.
  package let radiusInflation: Double?

  /// 1, 3e-1, 1e-1, … 1e-8.
  package static let ladder: [Double] = (0...8).flatMap { exponent in
    let power = (0..<exponent).reduce(1.0) { value, _ in value / 10 }
    return [power, power * 0.3]
  }

  /// Goes down the ladder until nothing is noticed any more.
  package init(_ context: CheckContext, stored: CPLNetwork<Float>) throws {
    func least(
      _ check: some PropertyCheck, _ plant: (Double) throws -> (CheckContext, executed: Double)
    ) throws
      -> Double?
    {
      var least: Double?
      for excess in Self.ladder {
        let (context, executed) = try plant(excess)
        guard
          try PropertySuite.run([check], context, clock: { 0 }, report: { _, _ in })
            .contains(where: { $0.verdict == .violated })
        else { break }
        least = executed
      }
      return least
    }
    let bounds = try context.verify(stored).bounds
    func tooLong(_ excess: Double) throws -> (CheckContext, executed: Double) {
      var (network, executed) = (stored, 0.0)
      for position in network.steppedLayers {
        let norm = bounds.layers[position].spectralNorm?.lowerBound ?? 0
        network[stepped: position].stepRule = .fixed
        network[stepped: position].stepSize =
          norm > 0 ? Rounding.up.float((2 + excess) / (norm * norm)) : 0
        executed = max(
          executed, Double(network[stepped: position].stepSize) * norm * norm - 2)
      }
      var context = context
      context.verified = try context.verify(network)
      return (context, executed)
    }
    func hidden(_ excess: Double) throws -> (CheckContext, executed: Double) {
      var context = context
      context.fault = LongerStep(factor: 1 + excess / 2)
      context.verified = try context.verify(context.altered(stored))
      return (context, excess)
    }
    stepExcess = [
      StepWithinBound().id: try least(StepWithinBound(), tooLong),
      NonExpansiveLayers().id: try least(NonExpansiveLayers(), hidden),
    ].compactMapValues { $0 }
    radiusInflation = try least(ValidCertificates()) { excess in
      var context = context
      context.verified = nil
      context.certify = PlantedFault.scaled(by: 1 + excess)
      return (context, excess)
    }
  }
}
