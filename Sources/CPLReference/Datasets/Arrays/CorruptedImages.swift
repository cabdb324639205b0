// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics
import Foundation

/// A folder like CIFAR-10-C (https://github.com/hendrycks/robustness): `labels.npy`, and for each
/// corruption an array of images, its five severities one after another.
struct CorruptedImages {
  private let folder: String
  /// The corruptions' names, in order.
  private let names: [String]

  private static let severities = 5

  /// The folder at `path`; nil for one that holds other data.
  init?(_ path: String, split: ImageDataset.Split) throws {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let arrays = files.filter { $0.hasSuffix(".npy") }
    guard split == .test, arrays.contains("labels.npy"), arrays.count > 1,
      ArrayNames.find(split, in: arrays, ending: ".npy") == nil
    else { return nil }
    folder = path
    names = arrays.filter { $0 != "labels.npy" }.map { String($0.dropLast(4)) }.sorted()
  }

  func read(_ corruption: ImageSource.Corruption, classes: Int) throws -> ImageDataset {
    func invalid(_ location: String, _ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: folder, location: location, expected: expected, found: found)
    }
    let list = names.map(\.forMessage).joined(separator: ", ")
    guard let name = corruption.name ?? (names.count == 1 ? names[0] : nil) else {
      throw invalid("", "a choice among corruptions with --corruption", list)
    }
    guard names.contains(name) else {
      throw invalid("", "--corruption one of \(list)", "'\(name.forMessage)'")
    }
    let path = folder.appendingPath("\(name).npy")
    let labelPath = folder.appendingPath("labels.npy")
    let images = try NumPyFile.array(FileBytes(path))
    var labels = try NumPyFile.array(FileBytes(labelPath))
    // Labels may be there once for all severities.
    if let count = images.shape.first, let block = labels.shape.first, labels.count == block,
      block * Self.severities == count
    {
      labels = labels.repeated(Self.severities)
    }
    let kind = classes == 100 ? "cifar100-c" : "cifar10-c"
    var title = "\(kind) \(name.forMessage)"
    let numbers = labels.contents()
    let block = numbers.count / Self.severities
    let hasSeverities =
      labels.count.isMultiple(of: Self.severities) && labels.count > Self.severities
      && (1..<Self.severities).allSatisfy {
        numbers.dropFirst($0 * block).prefix(block).elementsEqual(numbers.prefix(block))
      }
    var range: Range<Int>?
    if let severity = corruption.severity {
      guard hasSeverities, labels.shape.first == images.shape.first else {
        throw invalid(
          "labels.npy", "the labels of five severities one after another, for --severity",
          "\(labels.count) labels, which are not the same five times over")
      }
      let count = labels.count / Self.severities
      range = (severity - 1) * count..<severity * count
      title += ", severity \(severity)"
    }
    var data = try ImageDataset(
      name: title, images: range.map(images.rows) ?? images, of: path,
      labels: range.map(labels.rows) ?? labels, of: labelPath, classes: classes)
    if hasSeverities, corruption.severity == nil {
      data.notes.append(
        "\(name.forMessage) holds five severities, one after another; --severity chooses one")
    }
    return data
  }
}
