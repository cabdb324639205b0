// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// Which images work is done on.
package struct ImageChoice: Sendable {
  /// A folder or a file; the built-in images where nil.
  package var data: String?
  /// Which data set it is, or in which form; told from the files where nil.
  package var dataset: ImageSource.Kind?
  package var corruption = ImageSource.Corruption()
  /// Only so many, the first.
  package var limit: Int?
  /// Only these.
  package var indices: Indices?

  package init(
    data: String? = nil, dataset: ImageSource.Kind? = nil,
    corruption: ImageSource.Corruption = ImageSource.Corruption(), limit: Int? = nil,
    indices: Indices? = nil
  ) {
    self.data = data
    self.dataset = dataset
    self.corruption = corruption
    self.limit = limit
    self.indices = indices
  }

  /// The seed of the built-in images; theirs alone, so that every command sees the same ones.
  package static let syntheticSeed: UInt64 = 0

  /// The images of one split, without regard to `limit` and `indices`.
  ///
  /// - Parameter classes: how many classes they have, where the files do not tell.
  package func readAll(_ split: ImageDataset.Split, classes: Int) throws -> ImageDataset {
    guard let data else {
      if let dataset {
        throw UsageError("--dataset \(dataset.rawValue) needs --data and the place where it is")
      }
      return SyntheticImages.make(seed: Self.syntheticSeed, split: split)
    }
    do {
      return try ImageSource.read(
        data, split: split, kind: dataset, classes: classes, corruption: corruption)
    } catch let error as ReferenceError {
      guard let hint = hint(about: error, in: data) else { throw error }
      throw HintedError(error: error, hint: hint)
    }
  }

  /// The same images, with the data set that an experiment is about where none is named.
  package func completed(by experiment: ExperimentConfiguration) -> ImageChoice {
    var choice = self
    if data != nil {
      choice.dataset =
        dataset ?? experiment.data?.dataset.flatMap(ImageSource.Kind.init(rawValue:))
    }
    return choice
  }

  /// The images of one split that are chosen.
  package func read(_ split: ImageDataset.Split, classes: Int) throws -> ImageDataset {
    let images = try readAll(split, classes: classes)
    if let limit { return images.prefix(limit) }
    guard let indices else { return images }
    guard indices.maximum < images.count else {
      throw ReferenceError.mismatch(
        expected: "--indices below \(images.count), the number of images of \(images.name)",
        found: "\(indices.maximum)")
    }
    return try images.subset(indices.positions)
  }

  /// Refuses to judge weights on the built-in images that nobody says they were trained on.
  package func check(suits checkpoint: Checkpoint, at path: String) throws {
    guard data == nil, checkpoint.description.trainedOn == nil else { return }
    throw UsageError(
      "\(path) does not say what it was trained on: name its test images with --data. The built-in "
        + "images are for weights that were trained on them.")
  }

  /// What to do about a folder that cannot be read.
  private func hint(about error: ReferenceError, in folder: String) -> String? {
    switch error {
    case .missing:
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
        return "--data names a folder or a file; leave it out to use the built-in images"
      }
      let names = Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      if !names.isDisjoint(with: ["data_batch_1", "cifar-10-batches-py", "cifar-100-python"])
        || names.isSuperset(of: ["train", "test", "meta"])
      {
        return "these are the Python files; the binary version of the data set is needed"
      }
      return names.contains { $0.hasPrefix("cifar-") && $0.contains(".tar") }
        ? "unpack the archive first" : nil
    default: return nil
    }
  }
}

extension CPLNetwork {
  /// Checks that the network takes the images of a data set and, where they matter, knows its
  /// classes.
  package func check(takes images: ImageDataset, needsClasses: Bool = true) throws {
    guard image == images.imageShape, !needsClasses || classes == images.classes else {
      throw ReferenceError.mismatch(
        expected:
          "images \(inputShape) in \(classes) classes, channels first, which the network takes",
        found:
          "\(images.name) with images \(images.imageShape.extents) in \(images.classes) classes")
    }
  }
}
