import CPLCertificates
import CPLReference

/// A radius for each image and kind of certificate, column by column.
public struct CertificateTable: Equatable, Sendable {
  /// For each image, its index in its data set.
  public let indices: [Int]
  public let labels: [Int]
  /// For each image, the class that the binary32 network computes; −1 where a logit is not finite.
  public let predictions: [Int]
  /// The same of the binary64 network, of which the `lipschitz` and `sound` radii are.
  public let binary64Predictions: [Int]
  /// For each image, its largest binary32 logit minus the next; NaN where a logit is not finite.
  public let margins: [Double]
  /// For each kind, the radius of each image, in pixel units.
  public let radii: [CertificateKind: [Double]]

  /// A table of the given columns.
  ///
  /// - Precondition: all are equally long.
  public init(
    indices: [Int], labels: [Int], predictions: [Int], binary64Predictions: [Int],
    margins: [Double], radii: [CertificateKind: [Double]]
  ) {
    let count = indices.count
    precondition(
      [labels.count, predictions.count, binary64Predictions.count, margins.count]
        .allSatisfy { $0 == count } && radii.values.allSatisfy { $0.count == count },
      "columns are equally long")
    self.indices = indices
    self.labels = labels
    self.predictions = predictions
    self.binary64Predictions = binary64Predictions
    self.margins = margins
    self.radii = radii
  }

  /// The certificates of a data set's images, from the logits N×classes of the binary32 network, the
  /// classes that the binary64 network computes, and the radii.
  public init(
    _ dataset: ImageDataset, logits: Tensor<Float>, binary64Predictions: [Int],
    radii: [CertificateKind: [Double]]
  ) {
    let predictions = logits.rowMaxima
    self.init(
      indices: dataset.indices, labels: dataset.labels, predictions: predictions,
      binary64Predictions: binary64Predictions,
      margins: (0..<dataset.count).map { position in
        guard predictions[position] >= 0 else { return .nan }
        let sorted = logits.row(position).sorted(by: >)
        return sorted.count > 1 ? Double(sorted[0]) - Double(sorted[1]) : .infinity
      }, radii: radii)
  }

  /// The number of images.
  public var count: Int { indices.count }

  /// The kinds with a column, from the weakest statement to the strongest.
  public var kinds: [CertificateKind] { CertificateKind.allCases.filter { radii[$0] != nil } }

  /// For each image, the class that a kind of radius belongs to.
  public func predictions(of kind: CertificateKind) -> [Int] {
    kind.isOfBinary64 ? binary64Predictions : predictions
  }

  /// The share of images that the binary32 network classifies correctly; NaN without images.
  public var accuracy: Double { accuracy(of: .published) }

  /// The share of images classified correctly by the network that a kind speaks of; NaN without images.
  public func accuracy(of kind: CertificateKind) -> Double {
    Double(zip(predictions(of: kind), labels).count { $0 == $1 }) / Double(count)
  }

  /// The number of images whose classes in binary32 and binary64 differ.
  public var differingPredictions: Int {
    zip(predictions, binary64Predictions).count { $0 != $1 }
  }

  /// The rows of the images with logits that are not finite, in either precision: they count as wrong,
  /// and nothing is certified of them.
  public var nonFiniteRows: [Int] {
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
