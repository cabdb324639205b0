// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Labelled images, or a selection of them: with 8-bit channels, or with numbers in [0, 1].
///
/// Selections share the pixels of the data set that they were taken from, and remember where in it
/// each image stands: noise and augmentation are keyed by that index, so an image is treated the
/// same in whatever selection it is met.
public struct ImageDataset: Sendable {
  /// A part of a data set.
  public enum Split: String, CaseIterable, Sendable {
    /// What a model learns from.
    case train
    /// What it is judged by.
    case test
  }

  /// What the images are, such as "cifar10" or "synthetic".
  public let name: String
  /// The number of classes; labels are 0 ..< `classes`.
  public let classes: Int
  /// The shape of each image.
  public let imageShape: ImageShape
  /// For each image, its index in the data set as it was read or made.
  public let indices: [Int]
  /// For each image, its class.
  public let labels: [Int]

  /// The whole data set as read or made, image by image in planes (CHW); images are found by
  /// `indices`.
  private enum Pixels {
    case bytes([UInt8])
    /// In [0, 1].
    case numbers([Float])
  }

  private let pixels: Pixels
  /// What was assumed or changed in reading the images, a sentence each.
  package var notes: [String] = []

  /// A whole data set; `pixels` holds the images one after another, each channel a plane of rows.
  ///
  /// - Precondition: one label in 0 ..< `classes` and one image's worth of pixels for each image.
  package init(
    name: String, classes: Int, imageShape: ImageShape, pixels: [UInt8], labels: [Int]
  ) {
    self.init(
      name: name, classes: classes, imageShape: imageShape, pixels: .bytes(pixels),
      count: pixels.count, labels: labels)
  }

  /// A whole data set of numbers in [0, 1], laid out in the same way.
  ///
  /// - Precondition: as for bytes.
  package init(
    name: String, classes: Int, imageShape: ImageShape, numbers: [Float], labels: [Int]
  ) {
    self.init(
      name: name, classes: classes, imageShape: imageShape, pixels: .numbers(numbers),
      count: numbers.count, labels: labels)
  }

  private init(
    name: String, classes: Int, imageShape: ImageShape, pixels: Pixels, count: Int, labels: [Int]
  ) {
    precondition(count == labels.count * imageShape.count, "pixels fit the labels")
    precondition(labels.allSatisfy { (0..<classes).contains($0) }, "labels are classes")
    self.init(
      name: name, classes: classes, imageShape: imageShape, indices: Array(labels.indices),
      labels: labels, pixels: pixels)
  }

  private init(
    name: String, classes: Int, imageShape: ImageShape, indices: [Int], labels: [Int],
    pixels: Pixels
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

  /// The number of images of the data set that this is a selection of.
  public var available: Int {
    switch pixels {
    case .bytes(let bytes): bytes.count / imageSize
    case .numbers(let numbers): numbers.count / imageSize
    }
  }

  /// The images at `positions` of this selection, N × channels × height × width, in [0, 1].
  ///
  /// Each pixel that is stored as a byte is Float(byte) / 255, divided in binary32 as
  /// torchvision's `ToTensor` does.
  ///
  /// - Precondition: every position is in 0 ..< `count`.
  public func images(at positions: some Collection<Int>) -> Tensor<Float> {
    let size = imageSize
    return Tensor(shape: [positions.count] + imageShape.extents) { output in
      var target = output
      for position in positions {
        copyImage(at: position, to: target)
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

  /// The images at a range of positions.
  ///
  /// - Precondition: the range is within 0 ..< `count`.
  package func selecting(_ positions: Range<Int>) -> ImageDataset { selecting(Array(positions)) }

  /// The bytes of one image, plane by plane, four little-endian ones for each number that is not
  /// stored as a byte: with the labels, what a digest of the data is taken over.
  ///
  /// - Precondition: `position` is in 0 ..< `count`.
  public func bytes(at position: Int) -> ArraySlice<UInt8> {
    let start = indices[position] * imageSize
    switch pixels {
    case .bytes(let bytes): return bytes[start..<start + imageSize]
    case .numbers(let numbers):
      let bits = numbers[start..<start + imageSize].map(\.bitPattern.littleEndian)
      return bits.withUnsafeBytes { Array($0)[...] }
    }
  }

  /// Runs `body` with the pixels of one image in [0, 1], plane by plane.
  package func withPixels<Result>(
    at position: Int, _ body: (UnsafePointer<Float>) throws -> Result
  ) rethrows -> Result {
    try withUnsafeTemporaryAllocation(of: Float.self, capacity: imageSize) { image in
      copyImage(at: position, to: image.baseAddress!)
      return try body(UnsafePointer(image.baseAddress!))
    }
  }

  private func copyImage(at position: Int, to target: UnsafeMutablePointer<Float>) {
    let start = indices[position] * imageSize
    switch pixels {
    case .bytes(let bytes):
      bytes.withUnsafeBufferPointer { bytes in
        Self.unitInterval.withUnsafeBufferPointer { table in
          for i in 0..<imageSize { target[i] = table[Int(bytes[start + i])] }
        }
      }
    case .numbers(let numbers):
      numbers.withUnsafeBufferPointer {
        target.update(from: $0.baseAddress! + start, count: imageSize)
      }
    }
  }

  /// Float(byte) / 255 for every byte.
  private static let unitInterval: [Float] = (0...255).map { Float($0) / 255 }

  private var imageSize: Int { imageShape.count }

  private func selecting(_ positions: [Int]) -> ImageDataset {
    var selection = ImageDataset(
      name: name, classes: classes, imageShape: imageShape,
      indices: positions.map { indices[$0] }, labels: positions.map { labels[$0] },
      pixels: pixels)
    selection.notes = notes
    return selection
  }
}
