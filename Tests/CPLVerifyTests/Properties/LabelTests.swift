// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Labels and predictions")
struct LabelTests {
  private static let all = SyntheticImages.make(seed: 0, split: .test)

  private func result(
    labels: [Int]? = nil, of images: ImageDataset = LabelTests.all,
    network: CPLNetwork<Float>? = nil,
    validationAccuracy: Double? = nil, classes: Int? = nil
  ) throws -> CheckResult {
    var context = try CheckSamples.context()
    if let network { context.verified = try context.verify(network) }
    context.images = ImageDataset(
      name: "drawn", classes: classes ?? images.classes, imageShape: images.imageShape,
      pixels: (0..<images.count).flatMap { Array(images.bytes(at: $0)) },
      labels: labels ?? images.labels)
    context.validationAccuracy = validationAccuracy
    let check = try #require(PropertySuite.checks.first { $0.id == "data.labels" })
    return try CheckSamples.run(check, context)
  }

  /// The network's own classes of the first images, some of them replaced by the next class.
  private func predictions(_ count: Int, right: Int) throws -> (ImageDataset, labels: [Int]) {
    let images = Self.all.prefix(count)
    let predictions = try CheckSamples.verified.get().network.logits(
      of: images, workers: .serial
    ) { _ in }.rowMaxima
    return (
      images, predictions.enumerated().map { $0 < right ? $1 : ($1 + 1) % images.classes }
    )
  }

  @Test("twenty images of a network that is right about fourteen hold")
  func fewImages() throws {
    let (images, labels) = try predictions(20, right: 14)
    let result = try result(labels: labels, of: images)
    #expect(result.verdict == .holds, "\(result.finding)")
    #expect(result.control?.verdict == .violated)
  }

  @Test("too few images are not applicable, and how many are needed is said", arguments: [1, 2, 5])
  func tooFew(count: Int) throws {
    let result = try result(of: Self.all.prefix(count))
    #expect(result.verdict == .notApplicable, "\(result.finding)")
    #expect(
      result.finding.contains(count == 1 ? "1 image of class" : "are needed"), "\(result.finding)")
  }

  @Test("images of one class are not applicable")
  func oneClass() throws {
    let positions = Self.all.labels.indices.filter { Self.all.labels[$0] == 3 }
    let result = try result(of: try Self.all.subset(positions))
    #expect(result.verdict == .notApplicable)
    #expect(result.finding.contains("of class 3 alone"), "\(result.finding)")
  }

  @Test("labels moved along by any number of images are violated, and by how many is said")
  func moved() throws {
    for shift in [1, 7, 150] {
      let labels = Self.all.labels
      let result = try result(labels: Array(labels[shift...] + labels[..<shift]))
      #expect(result.verdict == .violated, "\(shift): \(result.finding)")
      #expect(result.finding.contains("moved along by \(200 - shift) of 200"), "\(result.finding)")
    }
  }

  @Test("shuffled labels are violated where the network's accuracy is known, else undecided")
  func shuffled() throws {
    var labels = Self.all.labels
    var random = CounterRandom(seed: 1, purpose: .test, major: 9)
    for position in labels.indices.reversed() {
      labels.swapAt(position, random.below(position + 1))
    }
    #expect(try result(labels: labels).verdict == .inconclusive)
    let known = try result(labels: labels, validationAccuracy: 0.7)
    #expect(known.verdict == .violated)
    #expect(known.finding.contains("right about 70.0 %"), "\(known.finding)")
    #expect(try result(validationAccuracy: 0.9).verdict == .holds)
  }

  @Test("a network at chance is undecided, whatever the seed it is drawn from")
  func chance() throws {
    let stored = try CheckSamples.stored.get()
    for seed in 1...5 as ClosedRange<UInt64> {
      let drawn = CPLNetwork<Float>(stored.layers.map(\.specification), seed: seed)
      let found = try result(network: drawn, validationAccuracy: 0.11)
      #expect(found.verdict == .inconclusive, "\(seed): \(found.finding)")
    }
  }

  @Test("the tail of agreements is an upper bound of the exact one, and near it")
  func tail() {
    // Two classes, hypergeometric: A = 2X for P = Y = 3 of 6 images, P(X = 3) = 1/20.
    let small = LabelAgreement(predicted: [3, 3], labelled: [3, 3])
    #expect(abs(small.tail(6) - 0.05) < 1e-12)
    #expect(small.tail(4) >= 0.5 && small.tail(4) <= 1)
    #expect(small.threshold(0.1) == 6 && small.threshold(0.01) == nil)
    // All different: the matches of a random permutation, P(A = n) = 1/n!.
    let different = LabelAgreement(
      predicted: Array(repeating: 1, count: 8), labelled: Array(repeating: 1, count: 8))
    #expect(abs(different.tail(8) * 40320 - 1) < 1e-9)
    // Against 20,000 permutations of labels of uneven classes.
    let labels = (0..<60).map { $0 * $0 % 7 % 3 }
    let predictions = (0..<60).map { $0 % 5 % 3 }
    let agreement = LabelAgreement(predictions: predictions, labels: labels, classes: 3)
    var random = CounterRandom(seed: 2, purpose: .test, major: 9)
    var (shuffled, reached) = (labels, 0)
    let runs = 20_000
    for _ in 0..<runs {
      for position in shuffled.indices.reversed() {
        shuffled.swapAt(position, random.below(position + 1))
      }
      if zip(shuffled, predictions).count(where: { $0 == $1 }) >= 32 { reached += 1 }
    }
    let exact = Double(reached) / Double(runs)
    let bound = agreement.tail(32)
    // Five standard deviations of the count of runs.
    #expect(bound >= exact - 5 * (exact / Double(runs)).squareRoot(), "\(bound), \(exact)")
    #expect(bound <= 20 * max(exact, 1e-3), "\(bound), \(exact)")
  }
}
