// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// Reads MNIST and data sets of its form: a file of images and one of labels for each split, in the IDX
/// format, compressed or not.
struct IDXReader: DatasetReader {
  /// Where PyTorch keeps the files.
  let innerFolder: String
  /// The first labels of each split, by which the files are known.
  let firstLabels: [ImageDataset.Split: [UInt8]]
  /// Whether a folder of this name, in lower case, holds the data set.
  let isFolderName: @Sendable (String) -> Bool

  private static func stem(_ split: ImageDataset.Split) -> String {
    split == .train ? "train" : "t10k"
  }

  /// The names that a file is found under: the authors', and others that unpacking leaves.
  private static func names(_ split: ImageDataset.Split, _ what: String, rank: Int) -> [String] {
    ["-", "."].flatMap { separator in
      ["", ".gz"].map { "\(stem(split))-\(what)\(separator)idx\(rank)-ubyte\($0)" }
    }
  }

  private static func file(
    _ split: ImageDataset.Split, _ what: String, rank: Int, in folder: String
  ) -> String {
    let paths = names(split, what, rank: rank).map { folder.appendingPath($0) }
    return paths.first(where: FileManager.default.fileExists(atPath:)) ?? paths[0]
  }

  func files(of split: ImageDataset.Split, in folder: String) -> [String] {
    [
      Self.file(split, "images", rank: 3, in: folder),
      Self.file(split, "labels", rank: 1, in: folder),
    ]
  }

  func evidence(in folder: String) -> DatasetEvidence {
    for split in ImageDataset.Split.allCases {
      guard let expected = firstLabels[split],
        let labels = try? IDXFile(files(of: split, in: folder)[1], of: "labels", shape: [])
      else { continue }
      if labels.elements.starts(with: expected) { return .files }
      let others = DatasetDescriptor.all.compactMap { $0.reader as? IDXReader }
      if others.contains(where: { labels.elements.starts(with: $0.firstLabels[split] ?? [0xff]) }) {
        return .another
      }
    }
    // The nearest folder whose name says anything.
    let names = URL(fileURLWithPath: folder).standardizedFileURL.pathComponents.suffix(3)
    return names.reversed().map { $0.lowercased() }.contains(where: isFolderName)
      ? .folderName : .nothing
  }

  func read(
    _ folder: String, split: ImageDataset.Split, of descriptor: DatasetDescriptor
  ) throws -> ImageDataset {
    let paths = files(of: split, in: folder)
    for path in paths where !FileManager.default.fileExists(atPath: path) {
      throw ReferenceError.missing(path: path)
    }
    return try Self.dataset(
      images: IDXFile(
        paths[0], of: "images", shape: [descriptor.image.height, descriptor.image.width]),
      labels: IDXFile(paths[1], of: "labels", shape: []), of: descriptor)
  }

  /// The data set of two arrays, checked against its description.
  private static func dataset(
    images: IDXFile, labels: IDXFile, of descriptor: DatasetDescriptor
  ) throws -> ImageDataset {
    func invalid(_ location: String, _ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: labels.path, location: location, expected: expected, found: found)
    }
    guard labels.count == images.count else {
      throw invalid(
        "byte 4", "\(images.count) labels, one for each image of \(images.path)",
        "\(labels.count)")
    }
    for (position, label) in labels.elements.enumerated() where label >= descriptor.classes {
      throw invalid(
        "byte \(8 + position)", "a label in 0...\(descriptor.classes - 1)", "\(label)")
    }
    return ImageDataset(
      name: descriptor.name, classes: descriptor.classes, imageShape: descriptor.image,
      pixels: Array(images.elements), labels: labels.elements.map(Int.init))
  }
}
