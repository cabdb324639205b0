// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Budgets of audits")
struct AuditBudgetTests {
  private func run(passes: Int) throws -> AuditResult {
    try AuditSample.audit(.sound).run(AuditSample.images, budget: { $0 < passes }) { _ in }
  }

  @Test(
    "every attack on a batch is told of before it begins, and how many images there are to attack")
  func steps() throws {
    var (planned, steps, attacked) = (0, [AuditedStep](), 0)
    let audit = try AuditSample.audit(.sound)
    let result = try audit.run(AuditSample.images.prefix(40)) { event in
      switch event {
      case .certified: break
      case .planned(let count): planned = count
      case .attacking(let step): steps.append(step)
      case .attacked(let batch):
        #expect(steps.map(\.name) == audit.attacks)
        #expect(steps.map(\.done) == Array(0..<audit.attacks.count))
        #expect(steps.allSatisfy { $0.total == steps.count && $0.images == batch.images.count })
        attacked += batch.images.count
        steps = []
      }
    }
    #expect(planned == result.certified && attacked == planned && planned > 0)
  }

  @Test("a budget that suffices changes nothing")
  func enough() throws {
    let audit = try AuditSample.audit(.sound)
    let whole = try audit.run(AuditSample.images) { _ in }
    #expect(whole.verdict == .holds && whole.unfinished == 0)
    #expect(try AuditSample.digest(run(passes: .max)) == AuditSample.digest(whole))
  }

  @Test("the whole plan goes to the images with the least d/r, and without it nothing holds")
  func greatestDoubt() throws {
    let whole = try run(passes: .max)
    #expect(try run(passes: 1).passes < whole.passes / 10)
    let some = try run(passes: whole.passes / 2)
    #expect(some.verdict == .inconclusive)
    let planned = some.images.filter { $0.extent == .plan }
    let searched = some.images.filter { $0.extent == .search }
    #expect(some.unattacked == 0 && some.searched == searched.count)
    #expect(planned.count + searched.count == some.certified)
    #expect(planned.count >= CertificateAudit.batch && searched.count >= CertificateAudit.batch)
    // By what the search alone had found.
    let doubt = try search(of: AuditSample.images)
    let most = planned.compactMap { doubt[$0.index] }.max() ?? .infinity
    #expect(searched.allSatisfy { doubt[$0.index] ?? .infinity >= most })
  }

  /// d/r of each image after the search.
  private func search(of images: ImageDataset) throws -> [Int: Double] {
    var doubt: [Int: Double] = [:]
    _ = try AuditSample.audit(.sound).run(images, budget: { _ in true }) { event in
      guard case .attacked(let batch) = event else { return }
      for image in batch.images where image.extent == .search {
        doubt[image.index] = image.tightness
      }
    }
    return doubt
  }

  @Test("what a budget of time came to is made again by the passes that it was worth")
  func passes() throws {
    for calls in [0, 2, 6, 8] {
      var left = calls
      let timed = try AuditSample.audit(.sound).run(
        AuditSample.images,
        budget: { _ in
          left -= 1
          return left >= 0
        }
      ) { _ in }
      #expect(timed.unfinished > 0 && timed.verdict == .inconclusive)
      #expect(try AuditSample.digest(run(passes: timed.passes)) == AuditSample.digest(timed))
    }
  }

  @Test("pages tell what the budget was spent on")
  func pages() throws {
    let some = try run(passes: 5000)
    try #require(some.unfinished > 0)
    var report = try AuditSample.report(some)
    #expect(report.verdict == .inconclusive)
    let page = try report.markdown(results: "a.h5").replacing("\\", with: "")
    #expect(page.contains("--budget-passes \(some.passes)"))
    #expect(page.contains("The budget ran out before \(some.unfinished) had been put"))
    #expect(try report.junit().contains("the budget ran out"))
    report.audit = try run(passes: .max)
    #expect(try !report.markdown(results: "a.h5").contains("budget"))
  }

  @Test("results do not depend on the number of threads", arguments: [2, 3, 8])
  func threads(_ count: Int) throws {
    for kind in CertificateKind.allCases {
      let alone = try AuditSample.audit(kind).run(AuditSample.images.prefix(70)) { _ in }
      let shared = try AuditSample.audit(kind, threads: count).run(
        AuditSample.images.prefix(70)
      ) { _ in }
      #expect(try AuditSample.digest(alone) == AuditSample.digest(shared))
    }
  }
}
