// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

/// The built-in network with images of it, and a folder that is removed when the tests end.
enum CheckSamples {
  static let scratch: String = {
    let path = NSTemporaryDirectory() + "/cpl-verify-checks-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: CheckSamples.scratch) }
    return path
  }()

  static let stored = Result { try BuiltInFiles.network(scratch: scratch) }

  static let verified = Result {
    try VerifiedNetwork(stored.get(), profile: .corrected, workers: .serial) { _, _ in }
  }

  /// Files of its own, for tests run side by side.
  static func context(seed: UInt64 = 0) throws -> CheckContext {
    let folder = "\(scratch)/\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var context = CheckContext(seed: seed, effort: .quick, workers: .serial)
    context.scratch = folder
    context.recordedValues = try BuiltInFiles.recordedValues(scratch: folder)
    context.verified = try verified.get()
    context.images = SyntheticImages.make(seed: 0, split: .test)
    context.isLabelled = true
    return context
  }

  static func run(_ check: any PropertyCheck, _ context: CheckContext) throws -> CheckResult {
    try PropertySuite.run([check], context, clock: { 0 }) { _, _ in }[0]
  }

  /// All but the one that runs another program, which ProofTests has for a subject.
  static let checks = PropertySuite.checks.filter { $0.id != "certificate.checked" }

  static let isSlow = ProcessInfo.processInfo.environment["CPL_SLOW_TESTS"] == "1"
}

@Suite("The property suite")
struct PropertySuiteTests {
  @Test("names are not used twice, and say their family")
  func names() {
    let ids = PropertySuite.checks.map(\.id)
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.split(separator: ".").count == 2 })
  }

  @Test(
    "every check holds of the built-in network, and its positive control comes out violated",
    arguments: CheckSamples.checks.map(\.id))
  func holds(id: String) throws {
    let check = try #require(PropertySuite.checks.first { $0.id == id })
    let result = try CheckSamples.run(check, try CheckSamples.context())
    #expect(result.verdict == .holds, "\(result.reason ?? "") \(result.measurements)")
    #expect(result.control?.verdict == .violated)
    #expect(result.measurements.allSatisfy { $0.cases > 0 && !$0.toleranceOrigin.isEmpty })
  }

  @Test(
    "no check of the network holds without a network and images",
    arguments: [
      "cpl.potential-convex", "cpl.step", "cpl.nonexpansive", "cpl.tight", "power.lower-bound",
      "storage.roundtrip", "attack.contract", "data.labels",
    ])
  func nothing(id: String) throws {
    let check = try #require(PropertySuite.checks.first { $0.id == id })
    let empty = CheckContext(seed: 0, effort: .quick, workers: .serial)
    #expect(try CheckSamples.run(check, empty).verdict == .notApplicable)
    var imageless = try CheckSamples.context()
    imageless.images = imageless.images?.prefix(0)
    let result = try CheckSamples.run(check, imageless)
    #expect(result.verdict == .notApplicable || !result.measurements.isEmpty)
  }

  /// Layers that give NaN.
  private struct NotANumber: LayerFault {
    func concerns(_ specification: LayerSpecification) -> Bool {
      !specification.bufferShapes.isEmpty
    }

    func forward<Scalar: TensorScalar>(
      _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording,
      workers: Workers
    ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
      let (output, cache) = layer.forward(input, recording: recording, workers: workers)
      return (Tensor(repeating: .nan, shape: output.shape), cache)
    }
  }

  @Test(
    "no check of a network that gives NaN holds",
    arguments: [
      "cpl.potential-convex", "cpl.nonexpansive", "cpl.tight", "certificate.rule",
      "network.lipschitz", "gradient.exact", "parity.pytorch", "data.labels",
    ])
  func notANumber(id: String) throws {
    var context = try CheckSamples.context()
    context.fault = NotANumber()
    context.verified = try context.verify(context.altered(try CheckSamples.stored.get()))
    let check = try #require(PropertySuite.checks.first { $0.id == id })
    #expect(try CheckSamples.run(check, context).verdict != .holds)
  }

  @Test("the suite raises no alarm over twenty seeds", .enabled(if: CheckSamples.isSlow))
  func seeds() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let results = try PropertySuite.run(
        CheckSamples.checks, try CheckSamples.context(seed: seed), clock: { 0 }
      ) { _, _ in }
      for result in results {
        #expect(result.verdict == .holds, "\(result.id), seed \(seed): \(result.measurements)")
      }
    }
  }
}

@Suite("Planted faults")
struct PlantedFaultTests {
  @Test("names are not used twice, and the checks named for a fault are there")
  func names() {
    let ids = PlantedFault.all.map(\.id)
    #expect(Set(ids).count == ids.count)
    let checks = Set(PropertySuite.checks.map(\.id))
    for fault in PlantedFault.all {
      #expect(!fault.namedChecks.isEmpty)
      #expect(checks.isSuperset(of: fault.namedChecks), "\(fault.id)")
    }
  }

  @Test(
    "each fault is caught by a check that is named for it", arguments: PlantedFault.all.map(\.id))
  func caught(id: String) throws {
    let fault = try #require(PlantedFault.all.first { $0.id == id })
    let checks = PropertySuite.checks.filter { fault.namedChecks.contains($0.id) }
    let matrix = try FaultMatrix(
      [fault], checks, try CheckSamples.context(), stored: try CheckSamples.stored.get(), seeds: 0,
      clock: { 0 }
    ) { _, _, _ in }
    #expect(matrix.rows[0].isCaught, "\(matrix.rows[0].results.map(\.measurements))")
  }

  @Test("a matrix without faults, or without an unfaulted run, shows nothing")
  func empty() throws {
    let context = try CheckSamples.context()
    let stored = try CheckSamples.stored.get()
    let checks = PropertySuite.checks.filter { $0.id == "cpl.step" }
    for (faults, seeds) in [([], 1), ([PlantedFault.all[0]], 0)] as [([PlantedFault], Int)] {
      let matrix = try FaultMatrix(
        faults, checks, context, stored: stored, seeds: seeds, clock: { 0 }
      ) { _, _, _ in }
      #expect(matrix.verdict == .inconclusive)
    }
  }

  @Test("steps 1e-3 too long and radii 0.1 % too large are noticed")
  func sensitivity() throws {
    let found = try Sensitivity(
      try CheckSamples.context(), stored: try CheckSamples.stored.get())
    for check in ["cpl.step", "cpl.nonexpansive"] {
      #expect(try #require(found.stepExcess[check]) <= 1e-3)
    }
    #expect(try #require(found.radiusInflation) <= 1e-3)
  }
}
