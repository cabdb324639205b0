// SPDX-License-Identifier: Apache-2.0

import Testing

import CPLReference

@Suite("BatchSampler")
struct BatchSamplerTests {
  @Test(
    "an epoch meets each image once, in ⌈N/B⌉ batches of which only the last is short",
    arguments: [(1, 1), (1, 256), (255, 256), (256, 256), (257, 256), (1000, 7)])
  func epochCoversAll(count: Int, batchSize: Int) throws {
    let sampler = try BatchSampler(count: count, batchSize: batchSize, seed: 1)
    let batches = sampler.batches(epoch: 3)
    #expect(batches.count == Int((Double(count) / Double(batchSize)).rounded(.up)))
    #expect(batches.count == sampler.batchesPerEpoch)
    #expect(batches.dropLast().allSatisfy { $0.count == batchSize })
    #expect((1...batchSize).contains(batches.last!.count))
    #expect(batches.joined().sorted() == Array(0..<count))
  }

  @Test("the order is drawn from seed and epoch, and nothing else")
  func order() throws {
    let sampler = try BatchSampler(count: 100, batchSize: 10, seed: 1)
    let first = sampler.batches(epoch: 0)
    #expect(sampler.batches(epoch: 0) == first)
    #expect(sampler.batches(epoch: 1) != first)
    #expect(try BatchSampler(count: 100, batchSize: 10, seed: 2).batches(epoch: 0) != first)
    let other = try BatchSampler(count: 100, batchSize: 33, seed: 1)
    #expect(Array(other.batches(epoch: 0).joined()) == Array(first.joined()))
  }

  @Test("nothing to sample is refused", arguments: [(0, 1), (1, 0), (-1, 1), (1, -1)])
  func refused(count: Int, batchSize: Int) {
    #expect(throws: ReferenceError.self) {
      try BatchSampler(count: count, batchSize: batchSize, seed: 1)
    }
  }
}

@Suite("The validation split")
struct ValidationSplitTests {
  func blank(_ count: Int) -> ImageDataset {
    ImageDataset(
      name: "blank", classes: 1, imageShape: [1, 1, 1],
      pixels: Array(repeating: 0, count: count), labels: Array(repeating: 0, count: count))
  }

  @Test(
    "holds out what is asked for, but at most a fifth",
    arguments: [(20_000, 2000), (5000, 1000), (9, 1), (5, 1)])
  func sizes(count: Int, held: Int) throws {
    let (training, validation) = try blank(count).holdingOut(seed: 1)
    #expect(validation.count == held)
    #expect((training.indices + validation.indices).sorted() == Array(0..<count))
    #expect(training.indices == training.indices.sorted())
    #expect(validation.indices == validation.indices.sorted())
  }

  @Test("changes with the seed only")
  func seeded() throws {
    let split = try blank(1000).holdingOut(validationCount: 100, seed: 1).validation.indices
    #expect(try blank(1000).holdingOut(validationCount: 100, seed: 1).validation.indices == split)
    #expect(try blank(1000).holdingOut(validationCount: 100, seed: 2).validation.indices != split)
  }

  @Test("refuses what would leave nothing", arguments: [(4, 2000), (0, 1), (10, 0), (10, -1)])
  func refused(count: Int, asked: Int) {
    #expect(throws: ReferenceError.self) {
      try blank(count).holdingOut(validationCount: asked, seed: 1)
    }
  }
}
