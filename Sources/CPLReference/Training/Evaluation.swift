extension CPLNetwork {
  /// How many images are evaluated at once.
  public static var evaluationBatch: Int { 128 }

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

extension Tensor {
  /// For each row of an N×classes tensor, the position of its largest element, the first of equals; −1,
  /// which is no class, for a row with an element that is not finite.
  package var rowMaxima: [Int] {
    let classes = shape[1]
    return (0..<shape[0]).map { row in
      let start = row * classes
      guard elements[start..<start + classes].allSatisfy(\.isFinite) else { return -1 }
      return (0..<classes).reduce(0) {
        elements[start + $1] > elements[start + $0] ? $1 : $0
      }
    }
  }
}
