// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("IDX files of MNIST and Fashion-MNIST")
final class IDXReaderTests {
  private let root = FileManager.default.temporaryDirectory
    .appending(path: "cpl-verify-\(UUID().uuidString)").path

  deinit { try? FileManager.default.removeItem(atPath: root) }

  private static let count = 12
  /// The labels that Fashion-MNIST's training images begin with, and two more.
  private static let fashionLabels: [UInt8] = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 1, 4]
  private static let pixels = (0..<count * 784).map { UInt8(truncatingIfNeeded: $0 &* 7) }
  private static let images = idxFile([count, 28, 28], pixels)

  private func put(_ bytes: [UInt8], _ name: String) throws {
    let file = URL(fileURLWithPath: "\(root)/\(name)")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  /// Puts training images with labels into a folder.
  private func put(_ labels: [UInt8], in folder: String) throws {
    try put(Self.images, folder + "/train-images-idx3-ubyte")
    try put(idxFile([labels.count], labels), folder + "/train-labels-idx1-ubyte")
  }

  private func read(
    _ folder: String, split: ImageDataset.Split = .train, kind: String? = nil
  ) throws -> ImageDataset {
    try ImageSource.read(
      "\(root)/\(folder)", split: split, kind: kind.flatMap(ImageSource.Kind.init(rawValue:)),
      classes: 10)
  }

  private func refuse(
    _ texts: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> ImageDataset
  ) {
    let error = #expect(throws: ReferenceError.self, sourceLocation: sourceLocation) {
      _ = try body()
    }
    for text in texts {
      #expect(
        error.map { "\($0)".contains(text) } == true, "'\(text)' in \(String(describing: error))",
        sourceLocation: sourceLocation)
    }
  }

  private let labels = (0..<UInt8(count)).map { $0 % 10 }

  @Test(
    "images and labels are read under every usual name, compressed or not",
    arguments: ["-", "."], [false, true])
  func names(separator: String, isCompressed: Bool) throws {
    let files = [
      ("images\(separator)idx3-ubyte", Self.images),
      ("labels\(separator)idx1-ubyte", idxFile([Self.count], labels)),
    ]
    for (name, bytes) in files {
      for stem in ["train", "t10k"] {
        try put(
          isCompressed ? gzipFile(bytes) : bytes,
          "digits/\(stem)-\(name)\(isCompressed ? ".gz" : "")")
      }
    }
    for split in ImageDataset.Split.allCases {
      let dataset = try read("digits", split: split, kind: "mnist")
      #expect(dataset.name == "mnist" && dataset.imageShape == [1, 28, 28])
      #expect(dataset.classes == 10 && dataset.labels == labels.map(Int.init))
      #expect(Array(dataset.bytes(at: 3)) == Array(Self.pixels[3 * 784..<4 * 784]))
      #expect(dataset.notes.isEmpty)
    }
  }

  @Test("which of the two they are is told by a flag, the first labels or the folder's name")
  func telling() throws {
    try put(labels, in: "data")
    refuse("a choice among them with --dataset", "mnist and fashion-mnist") { try read("data") }
    #expect(try read("data", kind: "fashion-mnist").name == "fashion-mnist")

    // In a folder whose name says another thing, the content tells.
    try put(Self.fashionLabels, in: "mnist")
    let fashion = try read("mnist")
    #expect(fashion.name == "fashion-mnist" && fashion.notes.isEmpty)
    refuse("expected MNIST, as --dataset says", "another data set") {
      try read("mnist", kind: "mnist")
    }

    for (folder, name) in [
      ("MNIST/raw", "mnist"), ("x/FashionMNIST/raw", "fashion-mnist"), ("my mnist", "mnist"),
    ] {
      try put(labels, in: folder)
      let dataset = try read(folder)
      #expect(dataset.name == name)
      #expect(dataset.notes.contains { $0.contains("by the name of the folder") }, "\(folder)")
    }
    for folder in ["kmnist", "emnist-digits"] {
      try put(labels, in: folder)
      refuse("a choice among them with --dataset") { try read(folder) }
    }
    // PyTorch's folder, inside the one that is named.
    #expect(try read("x").name == "fashion-mnist")
  }

  @Test("training mirrors clothes and no digits, and classes have names")
  func descriptions() {
    #expect(!DatasetDescriptor.mnist.augmentation.mirrors)
    #expect(DatasetDescriptor.fashionMNIST.augmentation.mirrors)
    #expect(DatasetDescriptor.named("fashion-mnist")?.classNames[9] == "ankle boot")
    for descriptor in DatasetDescriptor.all {
      #expect(descriptor.statistics.mean.count == descriptor.image.channels)
      #expect(descriptor.statistics.standardDeviation.count == descriptor.image.channels)
    }
  }

  @Test("files that are no such arrays are refused by what they are")
  func otherFiles() throws {
    try put(labels, in: "mnist")
    let images = "mnist/train-images-idx3-ubyte"
    for (bytes, texts) in [
      ([], ["the magic number 2051 of images", "an empty file"]),
      (Array(Self.images.prefix(3)), ["the magic number 2051"]),
      (Array(Self.images.prefix(11)), ["3 extents of 4 bytes", "the end of the file after 7"]),
      (idxFile([12], labels), ["magic number 2051", "found 2049, that of labels"]),
      (idxFile([12, 28, 28], Self.pixels, type: 0x0d), ["magic number 2051", "found 3331"]),
      (Array("<!doctype html>".utf8), ["magic number", "an HTML page"]),
      (idxFile([12, 32, 32], []), ["images of 28×28 pixels, found 32×32"]),
      (idxFile([12, 28, 0xffff_ffff], []), ["28×28 pixels, found 28×4294967295"]),
      (idxFile([0, 28, 28], []), ["1 to 1048576 images, found 0"]),
      (idxFile([0xffff_ffff, 28, 28], []), ["1 to 1048576 images, found 4294967295"]),
      (Array(Self.images.dropLast()), ["9424 bytes of 12 images, found 9423"]),
      (Self.images + [0], ["9424 bytes of 12 images, found 9425"]),
      (Array(gzipFile(Self.images).prefix(5)), ["a gzip file that is cut or damaged"]),
      (Array(gzipFile(Self.images).prefix(900)), ["in a gzip file that is cut or damaged"]),
      (Array(gzipFile(Self.images).dropLast(2)), ["whose end or checksum is damaged"]),
      (gzipFile(Self.images) + [1, 2, 3], ["whose end or checksum is damaged"]),
      (gzipFile(Array("text".utf8)), ["in a gzip file"]),
    ] as [([UInt8], [String])] {
      try put(bytes, images)
      for text in texts {
        refuse(text, "train-images-idx3-ubyte") { try read("mnist") }
      }
    }
    var damaged = gzipFile(Self.images)
    damaged[damaged.count - 6] ^= 1
    try put(damaged, images)
    refuse("checksum is damaged") { try read("mnist") }
  }

  @Test("of a gzip file no more is unpacked than its images take, whatever else is in it")
  func bomb() throws {
    try put(labels, in: "mnist")
    let images = "mnist/train-images-idx3-ubyte"
    try put(gzipFile(Self.images + [UInt8](repeating: 0, count: 1 << 24)), images)
    refuse("expected 9424 bytes of 12 images, found more") { try read("mnist") }
    // A size of 800 MB in a file of a hundred bytes.
    try put(gzipFile(idxFile([1 << 20, 28, 28], [1, 2, 3])), images)
    refuse("expected 822083600 bytes", "found a gzip file of 42 bytes, which is cut") {
      try read("mnist")
    }
  }

  @Test("labels are counted and checked, and a split of one file alone is refused")
  func labelFiles() throws {
    try put(labels, in: "mnist")
    let file = "mnist/train-labels-idx1-ubyte"
    try put(idxFile([11], Array(labels.dropLast())), file)
    refuse("12 labels, one for each image of", "found 11") { try read("mnist") }
    try put(idxFile([12], labels.dropLast() + [10]), file)
    refuse("byte 19: expected a label in 0...9, found 10", file) { try read("mnist") }
    try FileManager.default.removeItem(atPath: "\(root)/\(file)")
    refuse("train-labels-idx1-ubyte: no such file") { try read("mnist") }
    refuse("t10k-images-idx3-ubyte: no such file") { try read("mnist", split: .test) }
  }
}
