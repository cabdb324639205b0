// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics
import Foundation

/// Where the images of a data set are read from.
public enum ImageSource {
  /// Which data set they are, or in which form they are stored: the name of a data set that is read
  /// from files of its own, or of a form.
  public struct Kind: RawRepresentable, Hashable, CaseIterable, Sendable {
    public let rawValue: String

    /// One HDF5 file with datasets of images and labels.
    public static let hdf5 = Kind(name: "hdf5")
    /// Arrays of images and labels in a folder of `.npy` files, or in one `.npz`.
    public static let npy = Kind(name: "npy")

    public static let allCases =
      DatasetDescriptor.all.filter(\.isRead).map { Kind(name: $0.name) } + [hdf5, npy]

    private init(name: String) { rawValue = name }

    public init?(rawValue: String) {
      guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
      self = known
    }
  }

  /// Which images of a folder like CIFAR-10-C are meant.
  public struct Corruption: Equatable, Sendable {
    /// The name of its file, without ".npy"; the only one where nil.
    public var name: String?
    /// 1 to 5; all together where nil.
    public var severity: Int?

    /// A corruption; the name and the severity that are nil are all those of the source.
    public init(name: String? = nil, severity: Int? = nil) {
      self.name = name
      self.severity = severity
    }

    var isEmpty: Bool { name == nil && severity == nil }
  }

  /// Reads one split.
  ///
  /// The files of CIFAR are told by their names, those of MNIST and Fashion-MNIST by their first labels
  /// or the name of their folder. Arrays are called `images` and `labels`, `x_test` and
  /// `y_test` or the like (`ArrayNames`); in a file or folder that has them, the split's own, and
  /// otherwise the images are of whatever split they are asked for. Images are N×C×H×W or N×H×W×C,
  /// or N×H×W of one channel, bytes or numbers in [0, 1]; labels are N whole numbers, or one-hot. A folder with `labels.npy`
  /// and arrays of other names is one like CIFAR-10-C.
  ///
  /// - Parameters:
  ///   - kind: the form; told from the files where nil.
  ///   - classes: how many classes arrays have, which they do not tell.
  ///   - corruption: which images of a folder like CIFAR-10-C.
  /// - Throws: `ReferenceError`, also for a label that is no class and a pixel outside [0, 1].
  public static func read(
    _ path: String, split: ImageDataset.Split, kind: Kind? = nil, classes: Int,
    corruption: Corruption = Corruption()
  ) throws -> ImageDataset {
    if kind == nil || kind == .npy, let folder = try CorruptedImages(path, split: split) {
      return try folder.read(corruption, classes: classes)
    }
    guard corruption.isEmpty else {
      throw ReferenceError.invalid(
        path: path, location: "",
        expected: "a folder like CIFAR-10-C, for --corruption and --severity: labels.npy and an "
          + "array a corruption", found: "other data")
    }
    if let descriptor = DatasetDescriptor.named(kind?.rawValue) {
      return try DatasetDescriptor.read(path, split: split, kind: descriptor)
    }
    if kind == .hdf5 { return try hdf5(path, split: split, classes: classes) }
    if kind == .npy { return try numpy(path, split: split, classes: classes) }
    if isFile(path) {
      if try HDF5File.isOne(path) { return try hdf5(path, split: split, classes: classes) }
      let start = try InputFile(path).start(FileKind.startLength)
      if start.starts(with: NumPyFile.archiveSignature) {
        return try numpy(path, split: split, classes: classes)
      }
      throw ReferenceError.invalid(
        path: path, location: "",
        expected: "a folder of images, or an HDF5 or .npz file with images and labels",
        found: FileKind.describe(start))
    }
    if try arrays(in: path, of: split) != nil {
      return try numpy(path, split: split, classes: classes)
    }
    do {
      return try DatasetDescriptor.read(path, split: split)
    } catch ReferenceError.missing where files(in: path).contains(where: { $0.hasSuffix(".npy") }) {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "\(split.rawValue) images: \(ArrayNames.expected)",
        found: files(in: path).prefix(8).map(\.forMessage).joined(separator: ", "))
    }
  }

  private static func files(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }

  private static func hdf5(
    _ path: String, split: ImageDataset.Split, classes: Int
  ) throws -> ImageDataset {
    let file = try HDF5File.open(path)
    let members = try file.memberNames(of: "/")
    guard let names = ArrayNames.find(split, in: members) else {
      throw file.invalid(
        "", expected: ArrayNames.expected,
        found: members.isEmpty
          ? "none" : members.prefix(8).map(\.forMessage).joined(separator: ", "))
    }
    func array(_ name: String) throws -> StoredTensor {
      let (type, shape, bytes) = try file.elements(of: "/" + name)
      // Numbers have the same names in both.
      guard let format = NumberFormat(rawValue: "\(type)") else {
        throw file.invalid(name, expected: "numbers", found: "\(type)")
      }
      return StoredTensor(name: name, format: format, shape: shape, storage: bytes[...])
    }
    return try ImageDataset(
      name: "hdf5", images: array(names.images), of: path, labels: array(names.labels), of: path,
      classes: classes)
  }

  private static func numpy(
    _ path: String, split: ImageDataset.Split, classes: Int
  ) throws -> ImageDataset {
    if let (name, images, labels) = try arrays(in: path, of: split) {
      return try ImageDataset(
        name: name, images: NumPyFile.array(FileBytes(images)), of: images,
        labels: NumPyFile.array(FileBytes(labels)), of: labels, classes: classes)
    }
    guard isFile(path) else {
      throw ReferenceError.missing(path: path.appendingPath("images.npy"))
    }
    let file = try FileBytes(path)
    guard file.bytes.starts(with: NumPyFile.archiveSignature) else {
      throw file.invalid(
        "", expected: "an .npz file, or a folder with images.npy and labels.npy",
        found: FileKind.describe(file.bytes))
    }
    return try numpy(archive: file, split: split, classes: classes)
  }

  /// Reads a `.npy` file to its end and says what is wrong with it.
  package static func checkArray(_ file: FileBytes) throws {
    _ = try NumPyFile.array(file).numbers.doubles()
  }

  /// The images of an `.npz` archive.
  package static func numpy(
    archive file: FileBytes, split: ImageDataset.Split, classes: Int
  ) throws -> ImageDataset {
    let members = try NumPyFile.names(in: file)
    guard let names = ArrayNames.find(split, in: members) else {
      throw file.invalid(
        "", expected: ArrayNames.expected,
        found: members.isEmpty
          ? "no arrays" : members.sorted().prefix(8).map(\.forMessage).joined(separator: ", "))
    }
    let arrays = try NumPyFile.arrays([names.images, names.labels], of: file)
    return try ImageDataset(
      name: "npy", images: arrays[0], of: file.path, labels: arrays[1], of: file.path,
      classes: classes)
  }

  /// The data set's name and the files with a split's arrays; nil where the folder has none.
  private static func arrays(
    in folder: String, of split: ImageDataset.Split
  ) throws -> (name: String, images: String, labels: String)? {
    let names = files(in: folder)
    var found = ArrayNames.find(split, in: names, ending: ".npy")
    var name = "npy"
    // CIFAR-10.1, whose sixth version is the one that its authors recommend.
    for version in ["v6", "v4"] where found == nil {
      let files = ["data", "labels"].map { "cifar10.1_\(version)_\($0).npy" }
      guard split == .test, files.allSatisfy(names.contains) else { continue }
      (found, name) = ((files[0], files[1]), "cifar10.1 \(version)")
    }
    return found.map {
      (name, folder.appendingPath($0.images), folder.appendingPath($0.labels))
    }
  }
}
