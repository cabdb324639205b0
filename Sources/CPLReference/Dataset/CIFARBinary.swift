import Foundation

/// CIFAR-10 and CIFAR-100 in the binary format of their authors
/// (https://www.cs.toronto.edu/~kriz/cifar.html): records of one or two label bytes and 3,072
/// pixels, red, green and blue plane by plane, row by row.
public enum CIFARBinary {
  /// Which of the two data sets.
  public enum Kind: String, CaseIterable, Sendable {
    case cifar10
    case cifar100

    /// The folder inside the published archive.
    var folder: String {
      switch self {
      case .cifar10: "cifar-10-batches-bin"
      case .cifar100: "cifar-100-binary"
      }
    }

    /// The label bytes of a record in order, each with its number of classes. The last one is the
    /// label that counts: CIFAR-100's fine label follows its coarse one.
    var labelClasses: [Int] {
      switch self {
      case .cifar10: [10]
      case .cifar100: [20, 100]
      }
    }

    func files(of split: ImageDataset.Split) -> [String] {
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

  /// Reads one split from `folder`, or from the published archive's folder inside it.
  ///
  /// Of CIFAR-10's five training files any selection will do; they are read in order. Every record
  /// is checked.
  ///
  /// - Parameter kind: which data set; told from the names of the files where nil.
  /// - Throws: `ReferenceError.missing` without the folder or the split's files, `.invalid` when a
  ///   file is empty, ends inside a record, has over a million records or holds a label that is no
  ///   class, or when both data sets are there and `kind` does not choose; `.inputOutput` when
  ///   reading fails.
  public static func read(
    _ folder: String, split: ImageDataset.Split, kind: Kind? = nil
  ) throws -> ImageDataset {
    let (kind, home) = try locate(kind, in: folder)
    let files = kind.files(of: split).map { path(home, $0) }
    let present = files.filter(FileManager.default.fileExists(atPath:))
    guard !present.isEmpty else { throw ReferenceError.missing(path: files[0]) }
    var pixels: [UInt8] = []
    var labels: [Int] = []
    for file in present {
      let input = try InputFile(file)
      try append(
        input.byteCount, of: file, kind: kind, pixels: &pixels, labels: &labels
      ) { try input.fill($0) }
    }
    return ImageDataset(
      name: kind.rawValue, classes: kind.labelClasses.last!, imageShape: imageShape,
      pixels: pixels, labels: labels)
  }

  /// Finds where the files of a data set lie: in `folder` or in the archive's folder inside it.
  private static func locate(_ kind: Kind?, in folder: String) throws -> (Kind, home: String) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
      throw ReferenceError.missing(path: folder)
    }
    guard isFolder.boolValue else {
      throw ReferenceError.invalid(
        path: folder, location: "", expected: "a folder", found: "a file")
    }
    let candidates = (kind.map { [$0] } ?? Kind.allCases).flatMap { kind in
      [folder, path(folder, kind.folder)].map { (kind, home: $0) }
    }
    let found = candidates.filter { kind, home in
      ImageDataset.Split.allCases.flatMap(kind.files(of:)).contains {
        FileManager.default.fileExists(atPath: path(home, $0))
      }
    }
    guard let first = found.first else {
      let wanted = Kind.allCases.filter { kind == nil || kind == $0 }
        .map { path(folder, $0.files(of: .test)[0]) }
      throw ReferenceError.missing(path: wanted.joined(separator: " or "))
    }
    guard found.allSatisfy({ $0.0 == first.0 }) else {
      throw ReferenceError.invalid(
        path: folder, location: "", expected: "one data set, or a choice among them with --dataset",
        found: Kind.allCases.map(\.rawValue).joined(separator: " and "))
    }
    return first
  }

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

  static func path(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }
}
