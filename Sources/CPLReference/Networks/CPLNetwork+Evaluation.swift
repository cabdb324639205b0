// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

extension CPLNetwork {
  /// How many images are evaluated at once.
  package static var evaluationBatch: Int { 128 }

  /// The logits of every image of a data set, N×classes, in memory that does not grow with the
  /// images but for the result.
  ///
  /// - Parameter progress: called after each batch with the number of images done; may throw to
  ///   stop.
  public func logits(
    of dataset: ImageDataset, workers: Workers, progress: (Int) throws -> Void
  ) rethrows -> Tensor<Scalar> {
    var logits: [Scalar] = []
    logits.reserveCapacity(dataset.count * classes)
    for start in stride(from: 0, to: dataset.count, by: Self.evaluationBatch) {
      let positions = start..<min(dataset.count, start + Self.evaluationBatch)
      let images: Tensor<Scalar> = dataset.images(at: positions).converted()
      logits += self.logits(images, workers: workers).elements
      try progress(positions.upperBound)
    }
    return Tensor(shape: [dataset.count, classes], elements: logits)
  }
}
