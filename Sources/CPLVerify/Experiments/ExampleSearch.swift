// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLAudit
import CPLReference
import CPLReports

/// Finds the adversarial images of some of an audit's images again, to picture them: results keep their
/// distances alone.
package struct ExampleSearch {
  private let report: VerificationReport
  private let reading: RecordedReading
  private let workers: Workers

  /// - Parameter reading: how the recorded command read weights and images.
  package init(_ report: VerificationReport, reading: RecordedReading, workers: Workers) {
    self.report = report
    self.reading = reading
    self.workers = workers
  }

  /// The examples; none where the audit found no adversarial image by its search, or judged another network
  /// than the one in the file.
  ///
  /// - Throws: `ReferenceError` where weights or images are not where the command found them, or are others.
  package func run() throws -> [ExampleImage] {
    let search = MinimumNormSearch()
    guard let audit = report.audit, audit.violations.isEmpty else { return [] }
    let rows = ExampleImage.choice(of: audit, foundBy: search.name).map { audit.images[$0] }
    let facts = report.provenance
    guard !rows.isEmpty, let name = facts.weights else { return [] }
    let checkpoint = try reading.readWeights(at: nil, named: name)
    guard try checkpoint.network.digest() == facts.networkDigest else { return [] }
    let dataset = try reading.readImages(at: nil, classes: checkpoint.network.classes)
    guard dataset.digest == facts.data.digest else {
      throw ReferenceError.mismatch(
        expected: "the audited images, digest \(facts.data.digest ?? "unknown")",
        found: "images with digest \(dataset.digest)")
    }
    let positions = Dictionary(
      zip(dataset.indices, dataset.indices.indices), uniquingKeysWith: { first, _ in first })
    let found = rows.compactMap { row in positions[row.index].map { (row, $0) } }
    let images = dataset.images(at: found.map(\.1))
    let results = search.run(
      AttackInput(
        images: images, labels: found.map(\.0.prediction), indices: found.map(\.0.index)),
      on: try AttackTarget(checkpoint.network), seed: facts.seed ?? 0, workers: workers)
    let examples = zip(found, results).enumerated().compactMap { position, pair -> ExampleImage? in
      let (row, result) = (pair.0.0, pair.1)
      // Another distance is that of another image, such as one that binary64 had to confirm farther out.
      guard let adversarial = result.image, result.distance == row.distance else { return nil }
      let logits = checkpoint.network.logits(
        Tensor(shape: [1] + dataset.imageShape.extents, elements: adversarial), workers: workers
      ).elements
      guard let largest = logits.max(), let prediction = logits.firstIndex(of: largest) else {
        return nil
      }
      return ExampleImage(
        row, adversarialPrediction: prediction, original: Array(images.row(position)),
        adversarial: adversarial)
    }
    return ExampleImage.spread(examples)
  }
}
