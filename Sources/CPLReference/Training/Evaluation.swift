extension CPLNetwork {
  /// How many images are evaluated at once. A product's order of summation depends on its shape,
  /// so every batch has this one: the last is filled up with black images.
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
      let batch = self.logits(images.padded(to: Self.evaluationBatch), workers: workers)
      logits += batch.elements[..<(positions.count * classes)]
      try progress(positions.upperBound)
    }
    return Tensor(shape: [dataset.count, classes], elements: logits)
  }
}

extension Tensor {
  /// The tensor with zeros appended until the outermost extent is `count`.
  package func padded(to count: Int) -> Tensor {
    precondition(shape[0] <= count, "padding does not cut")
    let missing = (count - shape[0]) * shape.dropFirst().reduce(1, *)
    return Tensor(
      shape: [count] + shape.dropFirst(),
      elements: elements + Array(repeating: 0, count: missing))
  }

  /// For each row of an N×classes tensor, the position of its largest element; the first of equals.
  package var rowMaxima: [Int] {
    let classes = shape[1]
    return (0..<shape[0]).map { row in
      let start = row * classes
      return (0..<classes).reduce(0) {
        elements[start + $1] > elements[start + $0] ? $1 : $0
      }
    }
  }
}
