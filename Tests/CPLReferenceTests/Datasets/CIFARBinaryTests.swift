// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

import CPLReference

@Suite("CIFARBinary")
final class CIFARBinaryTests {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "cpl-verify-\(UUID().uuidString)").path

  init() throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Records with the given label bytes, whose pixels are all equal to the record's number.
  func put(_ name: String, _ records: [[UInt8]], cuttingOff cut: Int = 0) throws {
    let path = folder + "/" + name
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let data = records.enumerated().reduce(into: Data()) { data, record in
      data.append(contentsOf: record.element)
      data.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: record.offset), count: 3072))
    }
    try data.dropLast(cut).write(to: URL(fileURLWithPath: path))
  }

  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test("what is written is read back", arguments: [30, 10_001])
  func roundTrip(count: Int) throws {
    let train = SyntheticImages.make(count: count, seed: 2, split: .train)
    let test = SyntheticImages.make(count: 20, seed: 2, split: .test)
    // Twice: files of an earlier call are replaced.
    for _ in 0..<2 {
      try CIFARBinary.write(
        train: train, test: test, classNames: SyntheticImages.classNames, to: folder)
    }
    #expect(
      try names() == ["batches.meta.txt", "data_batch_1.bin"]
        + (count > 10_000 ? ["data_batch_2.bin"] : []) + ["test_batch.bin"])
    for (split, written) in [(ImageDataset.Split.train, train), (.test, test)] {
      let read = try DatasetDescriptor.read(folder, split: split)
      #expect(read.name == "cifar10" && read.classes == 10 && read.imageShape == [3, 32, 32])
      #expect(read.labels == written.labels)
      #expect((0..<written.count).allSatisfy { read.bytes(at: $0) == written.bytes(at: $0) })
    }
    let meta = try String(contentsOfFile: folder + "/batches.meta.txt", encoding: .utf8)
    #expect(meta.split(separator: "\n").map(String.init) == SyntheticImages.classNames)
  }

  @Test("any of the training files will do, in their order")
  func someTrainingFiles() throws {
    try put("cifar-10-batches-bin/data_batch_5.bin", [[5]])
    try put("cifar-10-batches-bin/data_batch_2.bin", [[2], [3]])
    let dataset = try DatasetDescriptor.read(folder, split: .train)
    #expect(dataset.labels == [2, 3, 5])
    #expect(dataset.images(at: [1]).elements.allSatisfy { $0 == 1 / 255 })
  }

  @Test("CIFAR-100 is told by its files, and its fine labels are used", arguments: [true, false])
  func cifar100(inside: Bool) throws {
    try put((inside ? "cifar-100-binary/" : "") + "test.bin", [[19, 99], [0, 7]])
    let dataset = try DatasetDescriptor.read(folder, split: .test)
    #expect(dataset.name == "cifar100" && dataset.classes == 100)
    #expect(dataset.labels == [99, 7])
  }

  @Test("where both data sets are, the kind has to be chosen")
  func ambiguous() throws {
    try put("cifar-10-batches-bin/test_batch.bin", [[1]])
    try put("cifar-100-binary/test.bin", [[1, 2]])
    #expect(
      throws: ReferenceError.invalid(
        path: folder, location: "", expected: "one data set, or a choice among them with --dataset",
        found: "cifar10 and cifar100")
    ) { try DatasetDescriptor.read(folder, split: .test) }
    #expect(try DatasetDescriptor.read(folder, split: .test, kind: .cifar10).labels == [1])
    #expect(try DatasetDescriptor.read(folder, split: .test, kind: .cifar100).labels == [2])
  }

  @Test("a cut record is named by file and byte")
  func truncated() throws {
    try put("test_batch.bin", [[1], [2]], cuttingOff: 5)
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/test_batch.bin", location: "byte 3073",
        expected: "a record of 3073 bytes", found: "the end of the file after 3068")
    ) { try DatasetDescriptor.read(folder, split: .test) }
  }

  @Test("a label that is no class is named by file and byte")
  func strayLabel() throws {
    try put("data_batch_1.bin", [[1]])
    try put("data_batch_3.bin", [[9], [10]])
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/data_batch_3.bin", location: "byte 3073", expected: "a label in 0...9",
        found: "10")
    ) { try DatasetDescriptor.read(folder, split: .train) }
  }

  @Test(
    "CIFAR-100's coarse and fine labels are both checked",
    arguments: [([20, 0], 0, "0...19"), ([0, 100], 1, "0...99")])
  func strayLabel100(labels: [UInt8], byte: Int, range: String) throws {
    try put("train.bin", [labels])
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/train.bin", location: "byte \(byte)", expected: "a label in \(range)",
        found: "\(labels[byte])")
    ) { try DatasetDescriptor.read(folder, split: .train) }
  }

  @Test("an empty file is refused")
  func empty() throws {
    try put("test_batch.bin", [])
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/test_batch.bin", location: "", expected: "records of 3073 bytes",
        found: "an empty file")
    ) { try DatasetDescriptor.read(folder, split: .test) }
  }

  @Test("a file of too many records is refused before any is read")
  func tooManyRecords() throws {
    try put("test_batch.bin", [[1]])
    let path = folder + "/test_batch.bin"
    // A file with a hole takes no room.
    for (count, expected, found) in [
      ((1 << 20) + 1, "at most 1048576 records of 3073 bytes", "1048577"),
      (1 << 40, "at most 1048576 records of 3073 bytes", "1099511627776"),
    ] {
      guard truncate(path, count * 3073) == 0 else { continue }
      #expect(
        throws: ReferenceError.invalid(
          path: path, location: "", expected: expected, found: found)
      ) { try DatasetDescriptor.read(folder, split: .test) }
    }
    #expect(truncate(path, 3073 * 1_048_577 + 1) == 0)
    #expect(
      throws: ReferenceError.invalid(
        path: path, location: "byte \(3073 * 1_048_577)", expected: "a record of 3073 bytes",
        found: "the end of the file after 1")
    ) { try DatasetDescriptor.read(folder, split: .test) }
  }

  @Test("records are read block by block, and a stray label in a late one has its place")
  func blocks() throws {
    let records = (0..<700).map { [UInt8($0 % 10)] }
    try put("test_batch.bin", records.enumerated().map { $0.offset == 600 ? [11] : $0.element })
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/test_batch.bin", location: "byte \(600 * 3073)",
        expected: "a label in 0...9", found: "11")
    ) { try DatasetDescriptor.read(folder, split: .test) }
    try put("test_batch.bin", records)
    let dataset = try DatasetDescriptor.read(folder, split: .test)
    #expect(dataset.labels == records.map { Int($0[0]) })
    for position in 0..<700 {
      let number = UInt8(truncatingIfNeeded: position)
      #expect(dataset.bytes(at: position).allSatisfy { $0 == number })
    }
  }

  @Test("a file that ends before its size is refused where it does")
  func shrinking() {
    var (pixels, labels): ([UInt8], [Int]) = ([], [])
    #expect(
      throws: ReferenceError.invalid(
        path: "x", location: "byte 786788", expected: "300 records of 3073 bytes",
        found: "the end of the file")
    ) {
      var calls = 0
      try CIFARBinary.append(
        300 * 3073, of: "x", kind: .cifar10, pixels: &pixels, labels: &labels
      ) { buffer in
        calls += 1
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        return calls == 1 ? buffer.count : 100
      }
    }
  }

  @Test("a missing folder, data set or split is named")
  func missing() throws {
    let nowhere = folder + "/nowhere"
    #expect(throws: ReferenceError.missing(path: nowhere)) {
      try DatasetDescriptor.read(nowhere, split: .test)
    }
    #expect(
      throws: ReferenceError.missing(
        path: "\(folder)/test_batch.bin or \(folder)/test.bin or "
          + "\(folder)/t10k-images-idx3-ubyte")
    ) { try DatasetDescriptor.read(folder, split: .test) }
    try put("test_batch.bin", [[1]])
    #expect(throws: ReferenceError.missing(path: folder + "/data_batch_1.bin")) {
      try DatasetDescriptor.read(folder, split: .train)
    }
    #expect(throws: ReferenceError.missing(path: folder + "/test.bin")) {
      try DatasetDescriptor.read(folder, split: .test, kind: .cifar100)
    }
  }

  @Test("a file for a folder and a folder for a file are refused")
  func wrongType() throws {
    try put("a", [[1]])
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/a", location: "", expected: "a folder", found: "a file")
    ) { try DatasetDescriptor.read(folder + "/a", split: .test) }
    try put("test_batch.bin/x", [[1]])
    #expect(
      throws: ReferenceError.invalid(
        path: folder + "/test_batch.bin", location: "", expected: "a file", found: "a folder")
    ) { try DatasetDescriptor.read(folder, split: .test) }
  }

  @Test("a folder that cannot be written is reported", arguments: ["/proc/cpl-verify", "/proc"])
  func unwritable(path: String) throws {
    let images = SyntheticImages.make(count: 10, seed: 2, split: .train)
    let error = #expect(throws: ReferenceError.self) {
      try CIFARBinary.write(train: images, test: images, classNames: [], to: path)
    }
    guard case .cannotCreate = error else {
      Issue.record("\(String(describing: error)) does not say that nothing can be created")
      return
    }
  }

  @Test("training files of a larger data set are not mixed with new ones")
  func stale() throws {
    try put("data_batch_2.bin", [[1]])
    let images = SyntheticImages.make(count: 10, seed: 2, split: .train)
    #expect(
      throws: ReferenceError.cannotCreate(
        path: folder, reason: "data_batch_2.bin of a larger data set is in the way")
    ) { try CIFARBinary.write(train: images, test: images, classNames: [], to: folder) }
    #expect(try names() == ["data_batch_2.bin"])
  }

  @Test("a write that fails leaves no half-written file")
  func failedWrite() throws {
    // The rename onto a folder fails, after the temporary file has been written.
    try put("data_batch_1.bin/x", [[1]])
    let images = SyntheticImages.make(count: 10, seed: 2, split: .train)
    #expect(throws: ReferenceError.self) {
      try CIFARBinary.write(train: images, test: images, classNames: [], to: folder)
    }
    #expect(try names() == ["data_batch_1.bin"])
  }

  @Test("images that do not fit the format are refused")
  func misfits() {
    let images = SyntheticImages.make(count: 10, seed: 2, split: .train)
    let small = ImageDataset(
      name: "small", classes: 2, imageShape: [1, 2, 2], pixels: [0, 0, 0, 0], labels: [1])
    for (train, test) in [(small, images), (images, small), (images.prefix(0), images)] {
      #expect(throws: ReferenceError.self) {
        try CIFARBinary.write(train: train, test: test, classNames: [], to: folder)
      }
    }
  }
}

/// Where real data lie; nil where the tests on them are to be skipped.
private let dataFolder = ProcessInfo.processInfo.environment["CPL_DATA"]

/// Where CIFAR-100 lies; nil without it.
private let cifar100Folder = dataFolder.map { $0 + "/cifar-100-binary" }.flatMap {
  FileManager.default.fileExists(atPath: $0) ? $0 : nil
}

@Suite("Real data", .enabled(if: dataFolder != nil))
struct RealDataTests {
  @Test("CIFAR-10 holds 5,000 training and 1,000 test images a class, with the published mean")
  func cifar10() throws {
    let train = try DatasetDescriptor.read(dataFolder!, split: .train, kind: .cifar10)
    let test = try DatasetDescriptor.read(dataFolder!, split: .test, kind: .cifar10)
    for label in 0..<10 {
      #expect(train.labels.count { $0 == label } == 5000)
      #expect(test.labels.count { $0 == label } == 1000)
    }
    var sums = [0, 0, 0]
    for position in 0..<train.count {
      let bytes = train.bytes(at: position)
      for channel in 0..<3 {
        let start = bytes.startIndex + 1024 * channel
        sums[channel] += bytes[start..<start + 1024].reduce(0) { $0 + Int($1) }
      }
    }
    // The published pipeline's mean is of binary32 batches and good to 1e-6.
    let published = [0.4913997551666284, 0.48215855929893703, 0.4465309133731618]
    for (sum, mean) in zip(sums, published) {
      #expect(abs(Double(sum) / (50_000 * 1024 * 255) - mean) < 1e-6)
    }
  }

  @Test(
    "CIFAR-100 holds 100 test images a class",
    .enabled(if: cifar100Folder != nil, "CPL_DATA has no cifar-100-binary"))
  func cifar100() throws {
    let test = try DatasetDescriptor.read(#require(cifar100Folder), split: .test)
    for label in 0..<100 { #expect(test.labels.count { $0 == label } == 100) }
  }
}
