// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics
import Foundation

/// CIFAR-10 and CIFAR-100 in the binary format of their authors
/// (https://www.cs.toronto.edu/~kriz/cifar.html): records of one or two label bytes and 3,072
/// pixels, red, green and blue plane by plane, row by row.
package enum CIFARBinary {
  /// Which of the two data sets.
  package enum Kind: String, CaseIterable, Sendable {
    case cifar10
    case cifar100

    /// The label bytes of a record in order, each with its number of classes. The last one is the
    /// label that counts: CIFAR-100's fine label follows its coarse one.
    var labelClasses: [Int] {
      switch self {
      case .cifar10: [10]
      case .cifar100: [20, 100]
      }
    }

    func fileNames(of split: ImageDataset.Split) -> [String] {
      switch (self, split) {
      case (.cifar10, .train): (1...5).map { "data_batch_\($0).bin" }
      case (.cifar10, .test): ["test_batch.bin"]
      case (.cifar100, .train): ["train.bin"]
      case (.cifar100, .test): ["test.bin"]
      }
    }
  }

  static let imageShape = ImageShape(channels: 3, height: 32, width: 32)
  static let pixelsPerImage = imageShape.count

  /// The largest file, in records: many times the published ones, and 3 GiB.
  private static let recordLimit = 1 << 20
  /// How many records are read at once.
  private static let blockCount = 256

  /// Reads and checks one file's records, its size before any.
  ///
  /// - Parameters:
  ///   - byteCount: the file's size.
  ///   - next: fills a buffer with the file's next bytes; returns fewer at the file's end only.
  package static func append(
    _ byteCount: Int, of file: String, kind: Kind, pixels: inout [UInt8], labels: inout [Int],
    next: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws {
    let labelClasses = kind.labelClasses
    let record = labelClasses.count + pixelsPerImage
    func invalid(_ location: String, _ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: file, location: location, expected: expected, found: found)
    }
    guard byteCount > 0 else { throw invalid("", "records of \(record) bytes", "an empty file") }
    let (count, cut) = byteCount.quotientAndRemainder(dividingBy: record)
    guard cut == 0 else {
      throw invalid(
        "byte \(byteCount - cut)", "a record of \(record) bytes", "the end of the file after \(cut)"
      )
    }
    guard count <= recordLimit else {
      throw invalid("", "at most \(recordLimit) records of \(record) bytes", "\(count)")
    }
    guard InputFile.hasMemory(pixels.count + byteCount) else {
      throw invalid("", "files that fit into memory", "\(byteCount) bytes")
    }
    pixels.reserveCapacity(pixels.count + count * pixelsPerImage)
    labels.reserveCapacity(labels.count + count)
    var block = [UInt8](repeating: 0, count: min(count, blockCount) * record)
    for first in stride(from: 0, to: count, by: blockCount) {
      let blockBytes = min(blockCount, count - first) * record
      let found = try block.withUnsafeMutableBytes {
        try next(UnsafeMutableRawBufferPointer(rebasing: $0[..<blockBytes]))
      }
      guard found == blockBytes else {
        throw invalid(
          "byte \(first * record + found)", "\(count) records of \(record) bytes",
          "the end of the file")
      }
      for start in stride(from: 0, to: blockBytes, by: record) {
        for (offset, classes) in labelClasses.enumerated() where block[start + offset] >= classes {
          throw invalid(
            "byte \(first * record + start + offset)", "a label in 0...\(classes - 1)",
            "\(block[start + offset])")
        }
        labels.append(Int(block[start + labelClasses.count - 1]))
        pixels.append(contentsOf: block[start + labelClasses.count..<start + record])
      }
    }
  }
}

extension CIFARBinary.Kind: DatasetReader {
  /// The folder inside the published archive.
  var innerFolder: String {
    switch self {
    case .cifar10: "cifar-10-batches-bin"
    case .cifar100: "cifar-100-binary"
    }
  }

  func files(of split: ImageDataset.Split, in folder: String) -> [String] {
    fileNames(of: split).map(folder.appendingPath)
  }

  /// No other data set's files have these names.
  func evidence(in folder: String) -> DatasetEvidence { .files }

  /// Of CIFAR-10's five training files any selection will do; they are read in order. Every record is
  /// checked.
  func read(
    _ folder: String, split: ImageDataset.Split, of descriptor: DatasetDescriptor
  ) throws -> ImageDataset {
    let files = files(of: split, in: folder)
    let present = files.filter(FileManager.default.fileExists(atPath:))
    guard !present.isEmpty else { throw ReferenceError.missing(path: files[0]) }
    var pixels: [UInt8] = []
    var labels: [Int] = []
    for file in present {
      let input = try InputFile(file)
      try CIFARBinary.append(
        input.byteCount, of: file, kind: self, pixels: &pixels, labels: &labels
      ) { try input.fill($0) }
    }
    return ImageDataset(
      name: descriptor.name, classes: descriptor.classes, imageShape: descriptor.image,
      pixels: pixels, labels: labels)
  }
}
