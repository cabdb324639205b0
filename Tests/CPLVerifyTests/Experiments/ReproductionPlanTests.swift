// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Plans of reproductions")
struct ReproductionPlanTests {
  private static func plan(
    _ names: [String], seeds: [UInt64] = [0, 1], shard: Shard? = nil
  ) throws -> ReproductionPlan {
    var request = ReproductionRequest(
      names: names, seeds: seeds, epochs: 2, profile: .corrected, audit: 4, out: "reports",
      runs: "runs", images: ImageChoice(limit: 16), command: "cpl-verify reproduce")
    request.shard = shard
    return try ReproductionPlan(request)
  }

  @Test("an experiment gets a run a seed, a study one a quirk and seed")
  func runs() throws {
    let plan = try Self.plan(["cpl-tiny", "quirks"])
    #expect(plan.groups.count == 2)
    #expect(plan.groups[0].runs.map(\.experiment.training.seed) == [0, 1])
    #expect(plan.groups[0].epochs == 2)
    #expect(plan.groups[1].runs.contains { $0.variant == "lr-offset" })
  }

  @Test("shards share all runs, evenly, and keep those of the same weights together")
  func shards() throws {
    let names = ["cpl-tiny", "quirks", "cpl-small"]
    let seeds: [UInt64] = [0, 1, 2]
    let all = try Self.plan(names, seeds: seeds).groups.flatMap(\.runs)
    for count in [1, 2, 4, 7, 40] {
      let parts = try (1...count).map {
        try Self.plan(names, seeds: seeds, shard: Shard("\($0)/\(count)"))
          .groups.flatMap(\.runs)
      }
      #expect(parts.flatMap { $0 }.map(\.name).sorted() == all.map(\.name).sorted(), "\(count)")
      for runs in parts {
        let names = Set(runs.map(\.name))
        #expect(runs.allSatisfy { names.contains($0.weights) })
      }
      let loads = parts.map { $0.reduce(0) { $0 + $1.expense } }
      let largest = all.map(\.expense).max() ?? 0
      #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= largest, "\(count): \(loads)")
    }
  }

  @Test("a table is of one data set, and no other will do")
  func table() throws {
    #expect(throws: ReferenceError.self) { _ = try Self.plan(["table-cifar10"]) }
  }
}
