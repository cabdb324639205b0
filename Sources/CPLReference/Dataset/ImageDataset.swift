/// Labelled images with 8-bit channels, or a selection of them.
///
/// Selections share the pixels of the data set that they were taken from, and remember where in it
/// each image stands: noise and augmentation are keyed by that index, so an image is treated the
/// same in whatever selection it is met.
public struct ImageDataset: Sendable {
  /// The part of a data set that a model learns from, or the part that it is judged by.
  public enum Split: String, CaseIterable, Sendable {
    case train
    case test
  }

  /// What the images are, such as "cifar10" or "synthetic".
  public let name: String
  /// The number of classes; labels are 0 ..< `classes`.
  public let classes: Int
  /// Channels, height, width.
  public let imageShape: [Int]
  /// For each image, its index in the data set as it was read or made.
  public let indices: [Int]
  /// For each image, its class.
  public let labels: [Int]

  /// The whole data set as read or made, image by image in planes (CHW); images are found by
  /// `indices`.
  private let pixels: [UInt8]

  /// A whole data set; `pixels` holds the images one after another, each channel a plane of rows.
  ///
  /// - Precondition: one label in 0 ..< `classes` and one image's worth of pixels for each image.
  package init(
    name: String, classes: Int, imageShape: [Int] = [3, 32, 32], pixels: [UInt8], labels: [Int]
  ) {
    precondition(imageShape.count == 3, "an image has channels, rows and columns")
    precondition(pixels.count == labels.count * imageShape.reduce(1, *), "pixels fit the labels")
    precondition(labels.allSatisfy { (0..<classes).contains($0) }, "labels are classes")
    self.init(
      name: name, classes: classes, imageShape: imageShape, indices: Array(labels.indices),
      labels: labels, pixels: pixels)
  }

  private init(
    name: String, classes: Int, imageShape: [Int], indices: [Int], labels: [Int], pixels: [UInt8]
  ) {
    self.name = name
    self.classes = classes
    self.imageShape = imageShape
    self.indices = indices
    self.labels = labels
    self.pixels = pixels
  }

  /// The number of images.
  public var count: Int { labels.count }

  /// The images at `positions` of this selection, N × channels × height × width, in [0, 1].
  ///
  /// Each pixel is Float(byte) / 255, divided in binary32 as torchvision's `ToTensor` does.
  ///
  /// - Precondition: every position is in 0 ..< `count`.
  public func images(at positions: some Collection<Int>) -> Tensor<Float> {
    let size = imageSize
    return Tensor(shape: [positions.count] + imageShape) { output in
      var target = output
      for position in positions {
        withPixels(at: position) { source in
          Self.unitInterval.withUnsafeBufferPointer { table in
            for i in 0..<size { target[i] = table[Int(source[i])] }
          }
        }
        target += size
      }
    }
  }

  /// The images at `positions` of this selection, in that order; repetitions are allowed.
  ///
  /// - Throws: `ReferenceError.mismatch` when a position is not in 0 ..< `count`.
  public func subset(_ positions: [Int]) throws -> ImageDataset {
    if let stray = positions.first(where: { !(0..<count).contains($0) }) {
      throw ReferenceError.mismatch(
        expected: "indices of \(name) in 0..<\(count)", found: "\(stray)")
    }
    return selecting(positions)
  }

  /// The first `maximumCount` images, or all where there are fewer; none for a negative number.
  public func prefix(_ maximumCount: Int) -> ImageDataset {
    selecting(Array(0..<min(max(0, maximumCount), count)))
  }

  /// The bytes of one image, plane by plane: with the labels, what a digest of the data is
  /// taken over.
  ///
  /// - Precondition: `position` is in 0 ..< `count`.
  public func bytes(at position: Int) -> ArraySlice<UInt8> {
    let start = indices[position] * imageSize
    return pixels[start..<start + imageSize]
  }

  /// Float(byte) / 255 for every byte.
  package static let unitInterval: [Float] = (0...255).map { Float($0) / 255 }

  package func withPixels<Result>(
    at position: Int, _ body: (UnsafePointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    try pixels.withUnsafeBufferPointer {
      try body($0.baseAddress! + indices[position] * imageSize)
    }
  }

  private var imageSize: Int { imageShape.reduce(1, *) }

  private func selecting(_ positions: [Int]) -> ImageDataset {
    ImageDataset(
      name: name, classes: classes, imageShape: imageShape,
      indices: positions.map { indices[$0] }, labels: positions.map { labels[$0] },
      pixels: pixels)
  }
}
