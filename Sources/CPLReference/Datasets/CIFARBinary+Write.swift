// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics
import Foundation

extension CIFARBinary {
  /// The number of images in each of CIFAR-10's files.
  private static let imagesPerFile = 10_000

  /// Writes two splits in CIFAR-10's binary format, with the names of the classes in
  /// `batches.meta.txt`; reading gives the same images back.
  ///
  /// The folder is made where it is missing, and files of an earlier call are replaced. Each file
  /// appears whole or not at all.
  ///
  /// - Throws: `ReferenceError.mismatch` when the images do not fit the format (3×32×32, ten
  ///   classes, 50,000 for training); `.cannotCreate` when the folder cannot be written, or holds
  ///   training files that would be read together with the new ones; `.inputOutput` when writing
  ///   fails half-way.
  package static func write(
    train: ImageDataset, test: ImageDataset, classNames: [String], to folder: String
  ) throws {
    for dataset in [train, test] where dataset.imageShape != imageShape || dataset.classes > 10 {
      throw ReferenceError.mismatch(
        expected: "images of shape \(imageShape.extents) in at most 10 classes",
        found: "\(dataset.imageShape.extents) in \(dataset.classes)")
    }
    let names = Kind.cifar10.fileNames(of: .train)
    guard (1...names.count * imagesPerFile).contains(train.count), test.count > 0 else {
      throw ReferenceError.mismatch(
        expected: "1...\(names.count * imagesPerFile) training images and some to test",
        found: "\(train.count) and \(test.count)")
    }
    try Folder.create(folder)
    let starts = Array(stride(from: 0, to: train.count, by: imagesPerFile))
    for name in names.dropFirst(starts.count) {
      let stale = folder.appendingPath(name)
      guard !FileManager.default.fileExists(atPath: stale) else {
        throw ReferenceError.cannotCreate(
          path: folder, reason: "\(name) of a larger data set is in the way")
      }
    }
    for (start, name) in zip(starts, names) {
      let range = start..<min(start + imagesPerFile, train.count)
      try AtomicFile.write(records(of: train, range), to: folder.appendingPath(name))
    }
    try AtomicFile.write(
      records(of: test, 0..<test.count),
      to: folder.appendingPath(Kind.cifar10.fileNames(of: .test)[0]))
    let lines = classNames.map { $0 + "\n" }.joined()
    try AtomicFile.write(Data(lines.utf8), to: folder.appendingPath("batches.meta.txt"))
  }

  private static func records(of dataset: ImageDataset, _ range: Range<Int>) -> Data {
    var data = Data(capacity: range.count * (1 + pixelsPerImage))
    for position in range {
      data.append(UInt8(dataset.labels[position]))
      data.append(contentsOf: dataset.bytes(at: position))
    }
    return data
  }
}
