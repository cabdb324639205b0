// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

/// Two images of 2 channels and 4×4 pixels, of classes 3 and 0.
@Suite("Images as people store them")
struct ArrayImagesTests {
  private let pixels: [UInt8] = (0..<64).map { UInt8($0 * 4) }
  private let shape = [2, 2, 4, 4]
  private let labels: [UInt8] = [3, 0]

  private func read(
    _ files: [String: [UInt8]], split: ImageDataset.Split = .test,
    corruption: ImageSource.Corruption = .init()
  ) throws -> ImageDataset {
    try withTemporaryFolder { folder in
      for (name, bytes) in files { try write(bytes, to: "\(folder)/\(name)") }
      return try ImageSource.read(folder, split: split, classes: 4, corruption: corruption)
    }
  }

  /// The images with other labels.
  private func read(labels type: String, _ shape: [Int], _ contents: [UInt8]) throws -> [Int] {
    try read([
      "images.npy": npyFile("|u1", self.shape, pixels),
      "labels.npy": npyFile(type, shape, contents),
    ]).labels
  }

  /// Other images with the labels.
  private func read(images type: String, _ shape: [Int], _ contents: [UInt8]) throws -> ImageDataset
  {
    try read([
      "images.npy": npyFile(type, shape, contents), "labels.npy": npyFile("|u1", [2], labels),
    ])
  }

  private func refuse(_ message: String, _ body: () throws -> Any) {
    #expect("\(message)") {
      _ = try body()
    } throws: {
      $0 is ReferenceError && "\($0)".contains(message)
    }
  }

  private func bytes<Number: FixedWidthInteger>(of numbers: [Number]) -> [UInt8] {
    numbers.flatMap { TestSupport.bytes($0) }
  }

  @Test(
    "arrays have the names that people give them, and a split its own",
    arguments: [
      ("images", "labels"), ("x_test", "y_test"), ("test_images", "test_labels"), ("X", "y"),
      ("data", "labels"), ("data", "target"), ("cifar10.1_v6_data", "cifar10.1_v6_labels"),
    ])
  func names(images: String, labels: String) throws {
    let other = npyFile("|u1", [1, 2, 4, 4], [UInt8](repeating: 0, count: 32))
    let arrays = [
      ("\(images).npy", npyFile("|u1", shape, pixels)),
      ("\(labels).npy", npyFile("|u1", [2, 1], self.labels)), ("x_train.npy", other),
      ("y_train.npy", npyFile("|u1", [1], [0])),
    ]
    let folder = try read(Dictionary(uniqueKeysWithValues: arrays))
    #expect(folder.labels == [3, 0] && folder.imageShape == [2, 4, 4])
    #expect(try read(Dictionary(uniqueKeysWithValues: arrays), split: .train).count == 1)
    guard !images.hasPrefix("cifar") else {
      #expect(folder.name == "cifar10.1 v6")
      return
    }
    let archive = try ImageSource.numpy(
      archive: FileBytes(zipArchive(arrays), path: "x.npz"), split: .test, classes: 4)
    #expect(archive.digest == folder.digest)
  }

  @Test("labels may be of any whole numbers, a column, or one-hot")
  func labelForms() throws {
    #expect(try read(labels: "<i8", [2], bytes(of: [Int64(3), 0])) == [3, 0])
    #expect(try read(labels: ">u2", [2, 1], [0, 3, 0, 0]) == [3, 0])
    #expect(try read(labels: "<f8", [2], bytes(of: [3.0, 0].map(\.bitPattern))) == [3, 0])
    #expect(try read(labels: "|u1", [2, 4], [0, 0, 0, 1, 1, 0, 0, 0]) == [3, 0])
    #expect(try read(labels: "|b1", [2, 4], [0, 0, 0, 1, 1, 0, 0, 0]) == [3, 0])
    refuse("booleans, which separate two classes without naming them") {
      try read(labels: "|b1", [2], [1, 0])
    }
    refuse("expected whole numbers, found 0.5 at 1") {
      try read(labels: "<f4", [2], bytes(of: [Float(3), 0.5].map(\.bitPattern)))
    }
    refuse("labels in 0...3, found 4294967296 at 0") {
      try read(labels: "<i8", [2], bytes(of: [Int64(1) << 32, 0]))
    }
    refuse("found 4 at 0: these count from 1") { try read(labels: "|u1", [2], [4, 1]) }
    refuse("a single 1 among zeros in row 1") {
      try read(labels: "|u1", [2, 4], [0, 0, 0, 1, 1, 1, 0, 0])
    }
    refuse("2 labels, one an image, found shape [3]") { try read(labels: "|u1", [3], [0, 1, 2]) }
  }

  @Test("bytes in wider types are read as bytes, which is said; other numbers are refused with why")
  func pixelForms() throws {
    let plain = try read(images: "|u1", shape, pixels)
    #expect(plain.notes.isEmpty)
    for (type, contents) in [
      ("<i2", bytes(of: pixels.map { Int16($0) })), (">u4", pixels.flatMap { [0, 0, 0, $0] }),
      ("<i8", bytes(of: pixels.map { Int64($0) })),
      ("<f4", bytes(of: pixels.map { Float($0).bitPattern })),
      ("<f8", bytes(of: pixels.map { Double($0).bitPattern })),
    ] {
      let found = try read(images: type, shape, contents)
      #expect(found.digest == plain.digest, "\(type)")
      #expect(found.notes.contains { $0.contains("are read as bytes") }, "\(found.notes)")
    }
    func floats(_ change: (Double) -> Double) -> [UInt8] {
      bytes(of: pixels.map { change(Double($0)).bitPattern })
    }
    refuse("images that were normalised") {
      try read(images: "<f8", shape, floats { $0 / 255 - 0.5 })
    }
    refuse("divide the images by 255") { try read(images: "<f8", shape, floats { $0 * 0.99 }) }
    refuse("found 504 at [0, 0, 0, 1]") {
      try read(images: "<u2", shape, bytes(of: pixels.map { UInt16($0) * 126 }))
    }
    refuse("found booleans") { try read(images: "|b1", shape, pixels.map { $0 & 1 }) }
  }

  @Test("the box is checked before rounding to binary32, and the rounding is said")
  func rounding() throws {
    let third = try read(
      images: "<f8", shape, bytes(of: [Double](repeating: 1.0 / 3, count: 64).map(\.bitPattern)))
    #expect(third.notes.contains { $0.contains("rounded from binary64 to binary32, by up to") })
    // Above 1 by less than binary32 tells.
    refuse("pixels in [0, 1], found 1.00000000000001 at [0, 0, 0, 0]") {
      try read(
        images: "<f8", shape,
        bytes(of: [Double](repeating: 1.000_000_000_000_01, count: 64).map(\.bitPattern)))
    }
    let half = [Double](repeating: 0.5, count: 64)
    #expect(try read(images: "<f8", shape, bytes(of: half.map(\.bitPattern))).notes.isEmpty)
  }

  @Test("channels may be last, in Fortran order, missing, or ambiguous, which is said")
  func layouts() throws {
    let plain = try read(images: "|u1", shape, pixels)
    var last = [UInt8](repeating: 0, count: 64)
    var fortran = last
    for (n, c, i, j) in (0..<64).map({ ($0 / 32, $0 / 16 % 2, $0 / 4 % 4, $0 % 4) }) {
      let pixel = pixels[n * 32 + c * 16 + i * 4 + j]
      last[n * 32 + i * 8 + j * 2 + c] = pixel
      fortran[n + 2 * (c + 2 * (i + 4 * j))] = pixel
    }
    #expect(try read(images: "|u1", [2, 4, 4, 2], last).digest == plain.digest)
    let ordered = try read([
      "images.npy": npyFile("|u1", shape, fortran, isFortranOrder: true),
      "labels.npy": npyFile("|u1", [2], labels),
    ])
    #expect(ordered.digest == plain.digest)
    let grey = try read(images: "|u1", [2, 4, 4], Array(pixels.prefix(32)))
    #expect(grey.imageShape == [1, 4, 4])
    #expect(grey.notes.contains { $0.contains("no axis of channels") })
    #expect(try read(images: "|u1", [2, 4, 8], pixels).imageShape == [1, 4, 8])
    let cube = try read(images: "|u1", [2, 3, 3, 3], [UInt8](repeating: 7, count: 54))
    #expect(cube.notes.contains { $0.contains("channels first or last: read as channels first") })
    #expect(cube.prefix(1).notes == cube.notes)
  }

  @Test("images need not be square: the shorter axis is taken for the channels, which is said")
  func oblong() throws {
    for (shape, image, order) in [
      ([2, 3, 4, 8], [3, 4, 8], "first, N×C×H×W"), ([2, 4, 8, 3], [3, 4, 8], "last, N×H×W×C"),
      ([2, 1, 5, 3], [1, 5, 3], "first"), ([2, 3, 3, 8], [8, 3, 3], "last"),
      ([2, 2, 64, 36], [2, 64, 36], "first"),
    ] as [([Int], ImageShape, String)] {
      let pixels = (0..<shape.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0) }
      let read = try read(images: "|u1", shape, pixels)
      #expect(read.imageShape == image, "\(shape)")
      #expect(read.notes.contains { $0.contains("read as channels \(order)") }, "\(read.notes)")
      if order.hasPrefix("last") {
        // Row 1, column 2 of channel 1 of the second image.
        let (height, width, channels) = (image.height, image.width, image.channels)
        #expect(
          Array(read.bytes(at: 1))[(1 * height + 1) * width + 2]
            == pixels[((height + 1) * width + 2) * channels + 1])
      }
    }
    for shape in [[2, 3], [2, 0, 4, 4], [2, 3, 5000, 4], [2, 1, 1, 4, 8]] {
      refuse("images N×C×H×W, N×H×W×C or N×H×W, found shape") {
        try read(
          images: "|u1", shape, [UInt8](repeating: 0, count: shape.reduce(1, *)))
      }
    }
  }

  @Test("of CIFAR-10-C a corruption and a severity are chosen, and named")
  func corruptions() throws {
    let images = npyFile("|u1", [10, 4, 4, 2], (0..<5).flatMap { _ in pixels })
    let labels = npyFile("|u1", [10], (0..<5).flatMap { _ in self.labels })
    let one = ["fog.npy": images, "labels.npy": labels]
    let all = try read(one)
    #expect(all.name == "cifar10-c fog" && all.count == 10)
    #expect(all.notes.contains { $0.contains("--severity chooses one") }, "\(all.notes)")
    let third = try read(one, corruption: .init(name: "fog", severity: 3))
    #expect(third.name == "cifar10-c fog, severity 3" && third.labels == [3, 0])
    // Labels of one severity stand for all.
    let short = ["fog.npy": images, "labels.npy": npyFile("|u1", [2], self.labels)]
    #expect(try read(short, corruption: .init(severity: 3)).digest == third.digest)
    let two = one.merging(["snow.npy": images]) { $1 }
    refuse("a choice among corruptions with --corruption, found fog, snow") { try read(two) }
    refuse("--corruption one of fog, snow, found 'rain'") {
      try read(two, corruption: .init(name: "rain"))
    }
    #expect(try read(two, corruption: .init(name: "snow", severity: 5)).count == 2)
    refuse("which are not the same five times over") {
      try read(
        ["fog.npy": npyFile("|u1", shape, pixels), "labels.npy": npyFile("|u1", [2], self.labels)],
        corruption: .init(severity: 1))
    }
  }
}
