// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The order in which training meets its images: a new permutation each epoch, cut into batches.
///
/// The order depends on (seed, epoch, number of images) alone, so that a resumed run goes on as if
/// it had not been interrupted.
package struct BatchSampler: Sendable {
  /// The number of images.
  package let count: Int
  /// The number of images in every batch but the last, which may be shorter.
  package let batchSize: Int
  /// The seed of the run.
  package let seed: UInt64

  /// Batches of `batchSize` among `count` images.
  ///
  /// - Throws: `ReferenceError.mismatch` when either is not positive.
  package init(count: Int, batchSize: Int, seed: UInt64) throws {
    guard count > 0, batchSize > 0 else {
      throw ReferenceError.mismatch(
        expected: "at least one image and batches of at least one",
        found: "\(count) images in batches of \(batchSize)")
    }
    self.count = count
    self.batchSize = batchSize
    self.seed = seed
  }

  /// ⌈`count` / `batchSize`⌉.
  package var batchesPerEpoch: Int { (count - 1) / batchSize + 1 }

  /// The batches of one epoch: positions 0 ..< `count`, each in exactly one batch.
  ///
  /// - Precondition: `epoch` is in 0 ..< 2³².
  package func batches(epoch: Int) -> [ArraySlice<Int>] {
    var random = CounterRandom(seed: seed, purpose: .shuffling, minor: UInt32(epoch))
    let order = random.permutation(of: count)
    return (0..<batchesPerEpoch).map { order[$0 * batchSize..<min(count, ($0 + 1) * batchSize)] }
  }
}

extension ImageDataset {
  /// Holds out images that choose the best of a training's checkpoints, so that the test set is
  /// left alone until the end.
  ///
  /// `validationCount` images are drawn without replacement, but at most a fifth of a set so small
  /// that they would be more. Both parts keep the order of the data set.
  ///
  /// - Throws: `ReferenceError.mismatch` when `validationCount` is not positive or a part would be
  ///   empty.
  public func holdingOut(
    validationCount: Int = 2000, seed: UInt64
  ) throws -> (training: ImageDataset, validation: ImageDataset) {
    let held = min(validationCount, count / 5)
    guard held > 0 else {
      throw ReferenceError.mismatch(
        expected: "at least 1 image to hold out and at least 5 to choose from",
        found: "\(validationCount) to hold out of \(count)")
    }
    var random = CounterRandom(seed: seed, purpose: .validationSplit)
    let order = random.permutation(of: count)
    return (
      training: try subset(order[held...].sorted()), validation: try subset(order[..<held].sorted())
    )
  }
}
