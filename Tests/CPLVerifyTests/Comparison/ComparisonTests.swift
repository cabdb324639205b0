// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Paired shares")
struct PairedProportionsTests {
  /// binomtest(min(b, c), b + c, 0.5).pvalue of SciPy 1.17.1.
  @Test(
    "McNemar's exact test gives SciPy's p",
    arguments: [
      (0, 0, 1), (0, 1, 1), (1, 6, 0.125), (3, 3, 1), (10, 25, 0.016673847800120715),
      (120, 171, 0.0033087986331269033), (2, 900, 2.4090136751258183e-266),
      (4000, 4200, 0.027972423571324654),
    ] as [(Int, Int, Double)])
  func mcNemar(b: Int, c: Int, expected: Double) {
    let pairs = PairedProportions(count: 10_000, onlyFirst: b, onlySecond: c, both: 500)
    // Logarithms of factorials are of size n·log n with an error of an ulp of them.
    #expect(abs(pairs.mcNemar - expected) <= 1e-10 * expected)
    let swapped = PairedProportions(count: 10_000, onlyFirst: c, onlySecond: b, both: 500)
    #expect(swapped.mcNemar == pairs.mcNemar)
  }

  /// Agresti and Min's formula, evaluated with NumPy.
  @Test(
    "the interval is Agresti and Min's, within −1 and 1",
    arguments: [
      (100, 5, 15, 0.012063519291229674, 0.18401491208131934),
      (10_000, 120, 171, 0.0017519533686315611, 0.008446007039286855),
      (10, 0, 0, -0.1633303320450045, 0.1633303320450045),
      (20, 0, 20, 0.7595328175843945, 1),
    ] as [(Int, Int, Int, Double, Double)])
  func interval(n: Int, b: Int, c: Int, lower: Double, upper: Double) {
    let pairs = PairedProportions(count: n, onlyFirst: b, onlySecond: c, both: 0)
    #expect(abs(pairs.interval.lowerBound - lower) < 1e-14)
    #expect(abs(pairs.interval.upperBound - upper) < 1e-14)
    #expect(pairs.interval.contains(pairs.difference))
  }

  @Test("pairs are counted by hand")
  func counts() {
    let pairs = PairedProportions(
      [true, true, false, false, true], [true, false, true, false, true])
    #expect(pairs == PairedProportions(count: 5, onlyFirst: 1, onlySecond: 1, both: 2))
    #expect(pairs.first == 0.6 && pairs.second == 0.6 && pairs.difference == 0)
  }
}

@Suite("The paired bootstrap")
struct PairedBootstrapTests {
  private let first = [0.12, 0.35, 0, 0.81, 0.44, 0.27, 0.93, 0.05, 0.61, 0.38]
  private let second = [0.22, 0.31, 0.10, 0.97, 0.40, 0.45, 0.99, 0, 0.88, 0.41]

  @Test("the interval is SciPy's but for the chance of the draws")
  func interval() throws {
    // scipy.stats.bootstrap, percentile, 200,000 resamples: 0.016 and 0.141. Of 400 intervals with
    // 2,000 resamples each the ends had standard deviations of 0.0017 and 0.0021: five of them.
    for seed: UInt64 in 0..<4 {
      let pairs = try #require(PairedBootstrap(first, second, seed: seed))
      #expect(abs(pairs.difference - 0.077) < 1e-15)
      #expect(abs(pairs.interval.lowerBound - 0.016) < 0.0085)
      #expect(abs(pairs.interval.upperBound - 0.141) < 0.0105)
    }
  }

  @Test("the same seed gives the same interval, another another")
  func seeds() {
    let pairs = (0..<2).map { _ in PairedBootstrap(first, second, seed: 7) }
    #expect(pairs[0] == pairs[1])
    #expect(pairs[0]?.interval != PairedBootstrap(first, second, seed: 8)?.interval)
  }

  @Test("a constant difference leaves no doubt, and two images leave their ends")
  func known() {
    let constant = PairedBootstrap([1, 2, 4], [1.5, 2.5, 4.5], seed: 0)
    #expect(constant?.difference == 0.5 && constant?.interval == 0.5...0.5)
    // A quarter of all resamples is twice the same image.
    #expect(PairedBootstrap([0, 0], [0, 1], seed: 0)?.interval == 0...1)
    #expect(PairedBootstrap([], [], seed: 0) == nil)
  }
}

@Suite("Two results side by side")
struct ReportComparisonTests {
  private func compare(
    _ first: VerificationReport, _ second: VerificationReport
  ) throws -> ReportComparison {
    try ReportComparison(first, second, names: ("a.h5", "b.h5"))
  }

  /// The sample with its second image classified wrongly, and twice the radius of the first.
  private var other: VerificationReport {
    var report = ReportSample.full()
    report.certificates = CertificateTable(
      indices: [4, 7, 9], labels: [0, 1, 2], predictions: [0, 0, 1],
      binary64Predictions: [0, 0, 1], margins: [0.1, 0.2, 0.3],
      radii: [.published: [0.6, .infinity, 0], .lipschitz: [0.4, 0.1, 0]])
    report.provenance.configuration = "model:\n  channels: 60\n"
    report.provenance.weightsDigest = "4567"
    return report
  }

  @Test("what changed is named, and what did not")
  func facts() throws {
    let comparison = try compare(ReportSample.full(), other)
    let changed = comparison.facts.filter(\.changed).map(\.name)
    #expect(changed == ["weights", "configuration"])
    #expect(comparison.configuration.onlyFirst == ["  channels: 45"])
    #expect(comparison.configuration.onlySecond == ["  channels: 60"])
    #expect(try compare(other, other).facts.allSatisfy { !$0.changed })
  }

  @Test("shares and means are those computed by hand")
  func numbers() throws {
    let comparison = try compare(ReportSample.full(), other)
    #expect(comparison.images == 3)
    let clean = comparison.shares[0]
    #expect(clean.name == "clean accuracy")
    #expect(clean.pairs == PairedProportions(count: 3, onlyFirst: 1, onlySecond: 0, both: 1))
    // At 72/255 = 0.28 the first image is certified to 0.2 in the one and to 0.4 in the other.
    let lipschitz = try #require(
      comparison.shares.first { $0.name == "certified accuracy (lipschitz) at 72/255" })
    #expect(lipschitz.pairs == PairedProportions(count: 3, onlyFirst: 0, onlySecond: 1, both: 0))
    let radii = try #require(
      comparison.means.first { $0.name == "average certified radius (lipschitz)" })
    #expect(abs(radii.pairs.first - (0.2 + 0.1) / 3) < 1e-15 && radii.leftOut == 0)
    #expect(abs(radii.pairs.second - 0.4 / 3) < 1e-15)
    let published = try #require(
      comparison.means.first { $0.name == "average certified radius (published)" })
    #expect(published.leftOut == 1, "an infinite radius has no mean")
  }

  @Test("results of other images are refused, and those without certificates")
  func refused() throws {
    var elsewhere = ReportSample.full()
    elsewhere.provenance.data.digest = "other"
    #expect(throws: ReferenceError.self) { try compare(ReportSample.full(), elsewhere) }
    var fewer = ReportSample.full()
    fewer.certificates = CertificateTable(
      indices: [4], labels: [0], predictions: [0], binary64Predictions: [0], margins: [0],
      radii: [:])
    #expect(throws: ReferenceError.self) { try compare(fewer, ReportSample.full()) }
    var none = ReportSample.full()
    none.certificates = nil
    #expect {
      try compare(ReportSample.full(), none)
    } throws: { error in
      "\(error)".contains("none in b.h5")
    }
  }

  @Test("the pages state the method, and take texts of any kind")
  func pages() throws {
    var hostile = other
    hostile.provenance.profile = ReportSample.hostile
    let comparison = try compare(hostile, ReportSample.full())
    let names = (first: ReportSample.hostile, second: "b")
    for text in [try comparison.markdown(names: names), try comparison.html(names: names)] {
      #expect(text.contains("McNemar") && text.contains("bootstrap"))
      #expect(!text.contains("<script>alert"))
    }
    let json = try JSONValue(comparison.json())
    #expect(json["images"] != nil && json["shares"] != nil && json["method"] != nil)
  }
}
