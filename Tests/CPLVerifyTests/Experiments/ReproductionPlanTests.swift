import CPLReference
import CPLVerify
import Testing

@Suite("Plans of reproductions")
struct ReproductionPlanTests {
  private static func plan(_ names: [String]) throws -> ReproductionPlan {
    try ReproductionPlan(
      ReproductionRequest(
        names: names, seeds: [0, 1], epochs: 2, profile: .corrected, audit: 4, out: "reports",
        runs: "runs", images: ImageChoice(limit: 16)))
  }

  @Test("an experiment gets a run a seed, a study one a quirk and seed")
  func runs() throws {
    let plan = try Self.plan(["cpl-tiny", "quirks"])
    #expect(plan.groups.count == 2)
    #expect(plan.groups[0].runs.map(\.experiment.training.seed) == [0, 1])
    #expect(plan.groups[0].epochs == 2)
    #expect(plan.groups[1].runs.contains { $0.quirk == "lr-offset" })
  }

  @Test("a table is of one data set, and no other will do")
  func table() throws {
    #expect(throws: ReferenceError.self) { _ = try Self.plan(["table-cifar10"]) }
  }
}
