// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// Reads a data set from its files.
protocol DatasetReader: Sendable {
  /// The folder with the files, as the data set's archive or others' programs make it, inside the one
  /// that is named.
  var innerFolder: String { get }

  /// The paths in `folder` that the files of a split are looked for at.
  func files(of split: ImageDataset.Split, in folder: String) -> [String]

  /// What says that the files in a folder are this data set's.
  func evidence(in folder: String) -> DatasetEvidence

  /// Reads a split of the data set that `descriptor` describes.
  ///
  /// - Throws: `ReferenceError`, also for any record that the data set cannot have.
  func read(
    _ folder: String, split: ImageDataset.Split, of descriptor: DatasetDescriptor
  ) throws -> ImageDataset
}

/// What says that files are a certain data set's, the weakest first.
enum DatasetEvidence: Int, Comparable {
  /// They are another one's.
  case another
  /// Nothing: files of this form are several data sets'.
  case nothing
  /// The name of their folder.
  case folderName
  /// What is in them, or how they are called.
  case files

  static func < (first: Self, second: Self) -> Bool { first.rawValue < second.rawValue }
}

extension DatasetReader {
  /// Whether any of the data set's files is in a folder.
  func isIn(_ folder: String) -> Bool {
    ImageDataset.Split.allCases.flatMap { files(of: $0, in: folder) }
      .contains(where: FileManager.default.fileExists(atPath:))
  }
}

extension String {
  /// The path of a file in the folder at this path.
  func appendingPath(_ name: String) -> String { hasSuffix("/") ? self + name : self + "/" + name }
}

extension DatasetDescriptor {
  /// Reads one split of a data set from `folder`, or from the folder of its archive in there.
  ///
  /// - Parameter kind: which data set; told from the files where nil.
  /// - Throws: `ReferenceError.missing` without the folder or the split's files, `.invalid` for files that
  ///   are damaged or hold what the data set cannot have, and where several data sets are there and
  ///   `kind` does not choose; `.inputOutput` when reading fails.
  package static func read(
    _ folder: String, split: ImageDataset.Split, kind: DatasetDescriptor? = nil
  ) throws -> ImageDataset {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
      throw ReferenceError.missing(path: folder)
    }
    func invalid(_ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: folder, location: "", expected: expected, found: found)
    }
    guard isFolder.boolValue else { throw invalid("a folder", "a file") }
    let possible = kind.map { [$0] } ?? all
    let found = possible.compactMap { $0.place(in: folder) }
    guard let strongest = found.map(\.evidence).max() else {
      let wanted = possible.compactMap { $0.reader?.files(of: .test, in: folder).first }
      throw ReferenceError.missing(
        path: wanted.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
          .joined(separator: " or "))
    }
    guard strongest > .another else {
      throw invalid(
        "\(possible.map(\.title).joined(separator: " or ")), as --dataset says",
        "labels that begin as those of another data set in files of this form")
    }
    let chosen = found.filter { $0.evidence == strongest }
    guard chosen.count == 1 else {
      throw invalid(
        "one data set, or a choice among them with --dataset",
        chosen.map(\.descriptor.name).joined(separator: " and "))
    }
    var dataset = try chosen[0].reader.read(chosen[0].home, split: split, of: chosen[0].descriptor)
    if kind == nil, strongest == .folderName {
      dataset.notes.append(
        "taken for \(chosen[0].descriptor.title) by the name of the folder; --dataset says it otherwise"
      )
    }
    return dataset
  }

  /// Where the data set's files are found.
  private struct Place {
    let descriptor: DatasetDescriptor
    let reader: any DatasetReader
    let home: String
    let evidence: DatasetEvidence
  }

  /// `folder`, or the archive's folder inside it; nil where neither has files of this form.
  private func place(in folder: String) -> Place? {
    guard let reader else { return nil }
    let home = [folder, folder.appendingPath(reader.innerFolder)].first(where: reader.isIn)
    return home.map {
      Place(descriptor: self, reader: reader, home: $0, evidence: reader.evidence(in: $0))
    }
  }
}
