// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

/// Damaged files, each of which may take 64 MiB and four times its size of memory, and a second of a
/// processor's time.
@Suite("Readers of damaged files")
struct FuzzTests {
  private static let inputs = runsSlowTests ? 1_000_000 : 20_000

  private func fuzz(_ reader: String, corpus name: String, first: Int, count: Int) throws -> Outcome
  {
    let folder = fixturePath("fuzz/\(name)")
    let corpus = try fixtureNames("fuzz/\(name)").map { "\(folder)/\($0)" }
    let fuzzer = try #require(Program.path).replacing("/cpl-verify", with: "/cpl-fuzz")
    return try RunningProgram(
      executable: "/usr/bin/env",
      // OpenBLAS's threads wait for ever where there is no memory for them.
      ["OPENBLAS_NUM_THREADS=1", fuzzer, reader, "\(first)", "\(count)"] + corpus, in: folder
    ).wait()
  }

  @Test(
    "a damaged file is read or refused, and never more",
    arguments: ["pt", "safetensors", "npy", "cifar", "idx", "yaml", "json"])
  func readers(name: String) throws {
    // In parts, which find out sooner where one fails.
    let part = 20_000
    var (accepted, refused) = (0, 0)
    for first in stride(from: 0, to: Self.inputs, by: part) {
      let outcome = try fuzz(name, corpus: name, first: first, count: part)
      try #require(outcome.code == 0, "\(name) from \(first): \(outcome)")
      let numbers = outcome.output.split { !$0.isNumber }.compactMap { Int($0) }
      (accepted, refused) = (accepted + numbers[0], refused + numbers[1])
    }
    #expect(accepted + refused == Self.inputs)
    #expect(accepted > 0 && refused > 0, "damage is neither harmless nor fatal: \(accepted) read")
    if runsSlowTests { print("damaged \(name) files: \(accepted) read, \(refused) refused") }
  }

  /// Readers with faults, and the signals that end them where these are no matter of the compiler.
  private static let faults: [(String, Int32?)] =
    [("loop", 128 + SIGPROF), ("crash", nil), ("greed", nil)]
    + (runsSlowTests ? [("wait", 128 + SIGALRM)] : [])

  @Test(
    "a reader that loops, waits, crashes or takes too much memory is caught at its first input",
    arguments: faults)
  func faultyReaders(fault: String, code: Int32?) throws {
    let outcome = try fuzz("planted-\(fault)", corpus: "json", first: 7, count: 1000)
    #expect(outcome.code > 128 && outcome.output.isEmpty, "\(outcome)")
    #expect(code == nil || outcome.code == code, "\(outcome)")
    #expect(outcome.error.contains("input 7\n"), "\(outcome)")
  }

  @Test(
    "limits are of one input: a reader just within them is not stopped, however many it reads",
    arguments: [("slow", 3), ("appetite", 20)])
  func modestReaders(habit: String, count: Int) throws {
    let outcome = try fuzz("planted-\(habit)", corpus: "json", first: 0, count: count)
    #expect(outcome.code == 0 && outcome.output == "\(count) read, 0 refused\n", "\(outcome)")
  }

  @Test("a damaged HDF5 file is read or refused, whatever becomes of the process that reads it")
  func hdf5() throws {
    let helper = HDF5Isolation.Helper(
      executable: try #require(Program.path), arguments: ["--read-hdf5-for-parent"])
    let corpus = try fixtureNames("fuzz/hdf5").map { try bytes(of: fixturePath("fuzz/hdf5/\($0)")) }
    let mutator = Mutator(corpus, seed: 2)
    let count = runsSlowTests ? 20_000 : 100
    let failures = Counts()
    try withTemporaryFolder { folder in
      let numbers = Workers(threads: 4)
      _ = numbers.map(count) { number in
        let path = "\(folder)/\(number).h5"
        defer { unlink(path) }
        do {
          try Data(mutator.input(number)).write(to: URL(fileURLWithPath: path))
          _ = try HDF5File.open(path, helper: helper).contentDigest()
          failures.add("read")
        } catch let error as ReferenceError {
          guard case .invalid(_, _, _, let found) = error else {
            Issue.record("\(number): \(error)")
            return
          }
          failures.add(
            found.contains("crash")
              ? "crashed"
              : found.contains("takes more") || found.contains("runs out")
                ? "stopped by a limit" : "refused")
        } catch {
          Issue.record("\(number): \(error)")
        }
      }
    }
    let total = failures.counts
    #expect(total.values.reduce(0, +) == count, "\(total)")
    #expect(total["refused", default: 0] > 0 && total["read", default: 0] > 0, "\(total)")
    print("damaged HDF5 files: \(total)")
  }
}

/// How often what happened; several threads count.
private final class Counts: Sendable {
  private let lock = NSLock()
  nonisolated(unsafe) private var values: [String: Int] = [:]

  func add(_ name: String) { lock.withLock { values[name, default: 0] += 1 } }
  var counts: [String: Int] { lock.withLock { values } }
}
