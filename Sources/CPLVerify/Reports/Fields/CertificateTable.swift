// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference

/// A radius for each image and kind of certificate, column by column.
public struct CertificateTable: Equatable, Sendable {
  /// For each image, its index in its data set.
  public let indices: [Int]
  /// The class that the data set gives each image.
  public let labels: [Int]
  /// For each image, the class that the binary32 network computes; −1 where a logit is not finite.
  public let predictions: [Int]
  /// The same of the binary64 network.
  public let binary64Predictions: [Int]
  /// For each image, its largest binary32 logit minus the next; NaN where a logit is not finite.
  public let margins: [Double]
  /// For each kind, the radius of each image, in pixel units.
  public let radii: [CertificateKind: [Double]]
  /// For each image whether the search for its local radius came to its end, before which time may have run out; nil
  /// without local radii, and where it was not recorded.
  package let isSearched: [Bool]?

  /// A table of the given columns.
  ///
  /// - Precondition: all are equally long.
  package init(
    indices: [Int], labels: [Int], predictions: [Int], binary64Predictions: [Int],
    margins: [Double], radii: [CertificateKind: [Double]], isSearched: [Bool]? = nil
  ) {
    let count = indices.count
    precondition(
      [labels.count, predictions.count, binary64Predictions.count, margins.count]
        .allSatisfy { $0 == count } && radii.values.allSatisfy { $0.count == count }
        && isSearched?.count ?? count == count,
      "columns are equally long")
    self.indices = indices
    self.labels = labels
    self.predictions = predictions
    self.binary64Predictions = binary64Predictions
    self.margins = margins
    self.radii = radii
    self.isSearched = isSearched
  }

  /// The same with local radii.
  package func adding(_ local: LocalRadii) -> CertificateTable {
    var radii = radii
    radii[.local] = local.radii
    return CertificateTable(
      indices: indices, labels: labels, predictions: predictions,
      binary64Predictions: binary64Predictions, margins: margins, radii: radii,
      isSearched: local.isSearched)
  }

  /// The number of images whose search for a local radius time ended; nil where that is not known.
  package var unsearched: Int? { isSearched?.count { !$0 } }

  /// The certificates of images; what is evaluated of these is kept for whoever looks at them next.
  ///
  /// - Parameters:
  ///   - kinds: the certificates that are asked for.
  ///   - progress: called with the number of images done; may throw to stop.
  public init(
    _ images: inout EvaluatedImages, kinds: [CertificateKind] = CertificateKind.standing,
    progress: (Int) throws -> Void
  ) throws {
    let certificates = try kinds.map { try CertifiedNetwork(images.network, $0) }
    var (predictions, binary64Predictions): ([Int], [Int]) = ([], [])
    var margins: [Double] = []
    var radii: [CertificateKind: [Double]] = [:]
    try images.forEachBatch { positions, batch in
      predictions += batch.predictions(in: .binary32)
      binary64Predictions += batch.predictions(in: .binary64)
      margins += batch.margins
      for certificate in certificates {
        radii[certificate.kind, default: []] += try certificate.radii(batch).map(\.radius)
      }
      try progress(positions.upperBound)
    }
    self.init(
      indices: images.dataset.indices, labels: images.dataset.labels, predictions: predictions,
      binary64Predictions: binary64Predictions, margins: margins, radii: radii)
  }

  /// The number of images.
  public var count: Int { indices.count }

  /// Of how many images the search for a local radius came to its end; nil without local radii.
  package var searchedText: String? {
    unsearched.map {
      $0 == 0
        ? "searched for all \(Shown.count(count)) images"
        : "time allowed to search for \(Shown.count(count - $0)) of \(Shown.count(count)) images"
    }
  }

  var rows: [TableRow<CertificateTable>] {
    (0..<count).map { TableRow(table: self, row: $0) }
  }

  /// The kinds with a column, from the weakest statement to the strongest.
  public var kinds: [CertificateKind] { CertificateKind.allCases.filter { radii[$0] != nil } }

  /// For each image, the class that a kind of radius belongs to.
  public func predictions(of kind: CertificateKind) -> [Int] {
    kind.isOfBinary64 ? binary64Predictions : predictions
  }

  /// The share of images that the binary32 network classifies correctly; NaN without images.
  public var accuracy: Double { accuracy(of: predictions) }

  /// The same of the binary64 network.
  public var binary64Accuracy: Double { accuracy(of: binary64Predictions) }

  private func accuracy(of predictions: [Int]) -> Double {
    Double(zip(predictions, labels).count { $0 == $1 }) / Double(count)
  }

  /// The number of images whose classes in binary32 and binary64 differ.
  package var differingPredictions: Int {
    zip(predictions, binary64Predictions).count { $0 != $1 }
  }

  /// The rows of the images with logits that are not finite, in either precision: they count as wrong,
  /// and nothing is certified of them.
  package var nonFiniteRows: [Int] {
    indices.indices.filter { min(predictions[$0], binary64Predictions[$0]) < 0 }
  }

  /// The share of images classified correctly and certified at `epsilon`; 0 for a kind without a
  /// column, NaN without images.
  public func certifiedAccuracy(_ kind: CertificateKind, at epsilon: Epsilon) -> Double {
    CertifiedAccuracy(
      radii: radii[kind] ?? Array(repeating: 0, count: count),
      predictions: predictions(of: kind), labels: labels)[epsilon]
  }
}
