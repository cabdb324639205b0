// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// The images of a data set with what a network makes of them: each is evaluated once in either
/// precision, whoever asks. Memory grows by an image's logits.
public struct EvaluatedImages: Sendable {
  /// The images.
  public let dataset: ImageDataset
  /// What evaluates them.
  public let network: EvaluatedNetwork
  private let workers: Workers

  /// How many images are evaluated or attacked at once on the CPU: what is computed on the way, for a layer's
  /// every pixel, takes most of a run's memory.
  package static let batch = 32

  /// The logits that are known, by the images' positions.
  private var binary32: [Int: ArraySlice<Float>] = [:]
  private var binary64: [Int: ArraySlice<Double>] = [:]

  /// Images of which nothing is evaluated yet.
  public init(_ dataset: ImageDataset, _ network: EvaluatedNetwork, workers: Workers) {
    self.dataset = dataset
    self.network = network
    self.workers = workers
  }

  /// Some of the images.
  package func batch(at positions: some Collection<Int>) -> EvaluatedBatch {
    EvaluatedBatch(
      dataset.images(at: positions), network, binary32: Self.rows(positions, of: binary32),
      binary64: Self.rows(positions, of: binary64), workers: workers)
  }

  /// The first images, with what is known of them.
  public func prefix(_ maximumCount: Int) -> EvaluatedImages {
    var first = EvaluatedImages(dataset.prefix(maximumCount), network, workers: workers)
    first.binary32 = binary32.filter { $0.key < maximumCount }
    first.binary64 = binary64.filter { $0.key < maximumCount }
    return first
  }

  /// Shows all images in order, a batch at a time, and keeps their logits.
  package mutating func forEachBatch(
    _ body: (_ positions: Range<Int>, EvaluatedBatch) throws -> Void
  ) rethrows {
    let size = network.batch
    for start in stride(from: 0, to: dataset.count, by: size) {
      let positions = start..<min(dataset.count, start + size)
      let batch = batch(at: positions)
      try body(positions, batch)
      let known = batch.known
      for (row, position) in positions.enumerated() {
        if let logits = known.binary32 { binary32[position] = logits.row(row) }
        if let logits = known.binary64 { binary64[position] = logits.row(row) }
      }
    }
  }

  /// The logits of some images; nil unless those of all are known.
  private static func rows<Scalar: TensorScalar>(
    _ positions: some Collection<Int>, of known: [Int: ArraySlice<Scalar>]
  ) -> Tensor<Scalar>? {
    let rows = positions.compactMap { known[$0] }
    guard let classes = rows.first?.count, rows.count == positions.count else { return nil }
    return Tensor(shape: [rows.count, classes], elements: rows.flatMap { $0 })
  }
}
