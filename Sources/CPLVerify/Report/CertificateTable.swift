import CPLReference

/// A radius for each image and kind of certificate, column by column.
public struct CertificateTable: Equatable, Sendable {
  /// For each image, its index in its data set.
  public let indices: [Int]
  public let labels: [Int]
  public let predictions: [Int]
  /// For each image, its largest logit minus the next.
  public let margins: [Double]
  /// For each kind, the radius of each image, in pixel units.
  public let radii: [CertificateKind: [Double]]

  /// A table of the given columns.
  ///
  /// - Precondition: all are equally long.
  public init(
    indices: [Int], labels: [Int], predictions: [Int], margins: [Double],
    radii: [CertificateKind: [Double]]
  ) {
    let count = indices.count
    precondition(
      labels.count == count && predictions.count == count && margins.count == count
        && radii.values.allSatisfy { $0.count == count }, "columns are equally long")
    self.indices = indices
    self.labels = labels
    self.predictions = predictions
    self.margins = margins
    self.radii = radii
  }

  /// The certificates of a data set's images, from the logits N×classes and the radii made of them.
  public init<Scalar: TensorScalar>(
    _ dataset: ImageDataset, logits: Tensor<Scalar>, radii: [CertificateKind: [Double]]
  ) {
    self.init(
      indices: dataset.indices, labels: dataset.labels, predictions: logits.rowMaxima,
      margins: (0..<dataset.count).map { position in
        let sorted = logits.row(position).sorted(by: >)
        return sorted.count > 1 ? Double(sorted[0]) - Double(sorted[1]) : .infinity
      }, radii: radii)
  }

  /// The number of images.
  public var count: Int { indices.count }

  /// The kinds with a column, from the weakest statement to the strongest.
  public var kinds: [CertificateKind] { CertificateKind.allCases.filter { radii[$0] != nil } }

  /// The share of images classified correctly; NaN without images.
  public var accuracy: Double {
    Double(zip(predictions, labels).count { $0 == $1 }) / Double(count)
  }

  /// The share of images classified correctly and certified at `epsilon`; 0 for a kind without a
  /// column, NaN without images.
  public func certifiedAccuracy(_ kind: CertificateKind, at epsilon: Epsilon) -> Double {
    CertifiedAccuracy(
      radii: radii[kind] ?? Array(repeating: 0, count: count), predictions: predictions,
      labels: labels)[epsilon]
  }
}
