import Foundation

/// Where the images of a data set are read from.
public enum ImageSource {
  /// In which form they are stored.
  public enum Kind: String, CaseIterable, Sendable {
    case cifar10
    case cifar100
    /// One HDF5 file with datasets `images` and `labels`.
    case hdf5
    /// `images.npy` and `labels.npy` in a folder, or one `.npz` with both.
    case npy

    fileprivate var binary: CIFARBinary.Kind? { CIFARBinary.Kind(rawValue: rawValue) }
  }

  /// Reads one split.
  ///
  /// CIFAR's files are told by their names. Arrays hold `images`, N×3×n×n or N×n×n×3, as bytes or
  /// as numbers in [0, 1], and `labels`, N integers. In a folder of arrays the split's own are
  /// `train_images.npy`, `test_labels.npy` and so on; without them, and in a single file, the
  /// images are of whatever split they are asked for.
  ///
  /// - Parameters:
  ///   - kind: the form; told from the files where nil.
  ///   - classes: how many classes arrays have, which they do not tell.
  /// - Throws: `ReferenceError`, also for a label that is no class and a pixel outside [0, 1].
  public static func read(
    _ path: String, split: ImageDataset.Split, kind: Kind? = nil, classes: Int
  ) throws -> ImageDataset {
    switch kind {
    case .cifar10?, .cifar100?:
      return try CIFARBinary.read(path, split: split, kind: kind?.binary)
    case .hdf5?: return try hdf5(path, classes: classes)
    case .npy?: return try numpy(path, split: split, classes: classes)
    case nil: break
    }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
      if try HDF5File.isOne(path) { return try hdf5(path, classes: classes) }
      let start = try InputFile(path).start(8)
      let isArray =
        start.starts(with: NumPyFile.archiveSignature) || start.starts(with: NumPyFile.signature)
      if isArray { return try numpy(path, split: split, classes: classes) }
    } else if arrays(in: path, of: split) != nil {
      return try numpy(path, split: split, classes: classes)
    }
    return try CIFARBinary.read(path, split: split)
  }

  private static func hdf5(_ path: String, classes: Int) throws -> ImageDataset {
    let file = try HDF5File.open(path)
    func array(_ name: String) throws -> StoredTensor {
      let (type, shape, bytes) = try file.elements(of: "/" + name)
      // Numbers have the same names in both.
      guard let format = NumberFormat(rawValue: "\(type)") else {
        throw file.invalid(name, expected: "numbers", found: "\(type)")
      }
      return StoredTensor(name: name, format: format, shape: shape, storage: bytes[...])
    }
    return try ImageDataset(
      name: "hdf5", images: array("images"), of: path, labels: array("labels"), of: path,
      classes: classes)
  }

  private static func numpy(
    _ path: String, split: ImageDataset.Split, classes: Int
  ) throws -> ImageDataset {
    if let (images, labels) = arrays(in: path, of: split) {
      return try ImageDataset(
        name: "npy", images: NumPyFile.array(FileBytes(images)), of: images,
        labels: NumPyFile.array(FileBytes(labels)), of: labels, classes: classes)
    }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw ReferenceError.missing(path: CIFARBinary.path(path, "images.npy"))
    }
    let file = try FileBytes(path)
    guard file.bytes.starts(with: NumPyFile.archiveSignature) else {
      throw file.invalid(
        "", expected: "an .npz file, or a folder with images.npy and labels.npy",
        found: "another file")
    }
    return try numpy(archive: file, classes: classes)
  }

  /// Reads a `.npy` file to its end and says what is wrong with it.
  package static func checkArray(_ file: FileBytes) throws {
    _ = try NumPyFile.array(file).numbers.doubles()
  }

  /// The images of an `.npz` archive.
  package static func numpy(archive file: FileBytes, classes: Int) throws -> ImageDataset {
    let arrays = try NumPyFile.arrays(["images", "labels"], of: file)
    return try ImageDataset(
      name: "npy", images: arrays[0], of: file.path, labels: arrays[1], of: file.path,
      classes: classes)
  }

  /// The files with a split's arrays; nil where the folder has none.
  private static func arrays(
    in folder: String, of split: ImageDataset.Split
  ) -> (images: String, labels: String)? {
    for prefix in ["\(split.rawValue)_", ""] {
      let images = CIFARBinary.path(folder, "\(prefix)images.npy")
      if FileManager.default.fileExists(atPath: images) {
        return (images, CIFARBinary.path(folder, "\(prefix)labels.npy"))
      }
    }
    return nil
  }
}

extension ImageDataset {
  /// The data set of two arrays, checked.
  fileprivate init(
    name: String, images: StoredTensor, of imagePath: String, labels: StoredTensor,
    of labelPath: String, classes: Int
  ) throws {
    func invalid(
      _ path: String, _ array: StoredTensor, _ expected: String, _ found: String
    ) -> ReferenceError {
      .invalid(path: path, location: array.name, expected: expected, found: found)
    }
    let shape = images.shape
    let isPlanar = shape.count == 4 && shape[1] == 3 && shape[2] == shape[3]
    guard isPlanar || (shape.count == 4 && shape[3] == 3 && shape[1] == shape[2]),
      shape.allSatisfy({ $0 > 0 }), shape[2] <= 1 << 12
    else {
      throw invalid(
        imagePath, images, "images N×3×n×n or N×n×n×3", "shape \(shape)")
    }
    guard labels.shape == [shape[0]] else {
      throw invalid(
        labelPath, labels, "\(shape[0]) labels, one an image", "shape \(labels.shape)")
    }
    guard !labels.format.isFloatingPoint else {
      throw invalid(labelPath, labels, "whole numbers", labels.format.rawValue)
    }
    let numbers = labels.numbers.integers()
    if let position = numbers.firstIndex(where: { $0 < 0 || $0 >= Int64(classes) }) {
      throw invalid(
        labelPath, labels, "labels in 0...\(classes - 1)", "\(numbers[position]) at \(position)")
    }
    let side = shape[2]
    let imageShape = [3, side, side]
    if images.format == .uint8 {
      let bytes = Array(images.contents())
      self.init(
        name: name, classes: classes, imageShape: imageShape,
        pixels: isPlanar ? bytes : bytes.planar(channels: 3, plane: side * side),
        labels: numbers.map(Int.init))
      return
    }
    guard images.format.isFloatingPoint else {
      throw invalid(
        imagePath, images, "bytes, or numbers in [0, 1] in a floating-point format",
        images.format.rawValue)
    }
    let values = images.numbers.floats().values
    if let position = values.firstIndex(where: { !(0...1).contains($0) }) {
      let index = StoredTensor.index(of: position, in: shape)
      throw invalid(imagePath, images, "pixels in [0, 1]", "\(values[position]) at \(index)")
    }
    self.init(
      name: name, classes: classes, imageShape: imageShape,
      numbers: isPlanar ? values : values.planar(channels: 3, plane: side * side),
      labels: numbers.map(Int.init))
  }
}

extension Array {
  /// Images whose channels lie side by side as images of one plane a channel.
  fileprivate func planar(channels: Int, plane: Int) -> [Element] {
    let image = channels * plane
    return indices.map { position in
      let (index, offset) = position.quotientAndRemainder(dividingBy: image)
      return self[index * image + offset % plane * channels + offset / plane]
    }
  }
}
