// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

/// The three images of `fixtures/fuzz/npy`, and the hundred of `fixtures/checkpoints`.
@Suite("Images in arrays")
struct ImageSourceTests {
  private func read(_ name: String, classes: Int = 10) throws -> ImageDataset {
    try ImageSource.read(fixturePath(name), split: .test, classes: classes)
  }

  @Test("a folder of .npy files, .npz files and HDF5 hold the same images")
  func sameImages() throws {
    let folder = try read("fuzz/npy")
    #expect(folder.imageShape == [3, 8, 8] && folder.labels == [0, 1, 9] && folder.classes == 10)
    for name in ["fuzz/npy/stored.npz", "fuzz/npy/deflated.npz", "fuzz/hdf5/data.h5"] {
      #expect(try read(name).digest == folder.digest, "\(name)")
    }
    let (_, bytes) = try HDF5File.open(fixturePath("fuzz/hdf5/data.h5"))
      .read(UInt8.self, from: "/images")
    #expect((0..<3).flatMap { Array(folder.bytes(at: $0)) } == bytes)
    #expect(try read("checkpoints/reference.h5").count == 100)
  }

  @Test("numbers with the channels last are the same pixels, also cropped and flipped")
  func numbers() throws {
    let bytes = try read("fuzz/npy")
    try withTemporaryFolder { folder in
      let manager = FileManager.default
      for (name, copy) in [("float32", "test_images"), ("labels", "test_labels")] {
        try manager.copyItem(
          atPath: fixturePath("fuzz/npy/\(name).npy"), toPath: "\(folder)/\(copy).npy")
      }
      let numbers = try ImageSource.read(folder, split: .test, classes: 10)
      #expect(numbers.images(at: 0..<3) == bytes.images(at: 0..<3))
      let augmentation = Augmentation(seed: 3)
      #expect(
        augmentation.images(of: numbers, at: [2, 0], epoch: 5)
          == augmentation.images(of: bytes, at: [2, 0], epoch: 5))
      #expect(numbers.digest != bytes.digest, "the digest is taken of what is stored")
      #expect(try numbers.subset([1]).bytes(at: 0).count == 4 * 192)
      #expect(throws: ReferenceError.self, "no training images are here") {
        _ = try ImageSource.read(folder, split: .train, kind: .npy, classes: 10)
      }
    }
  }

  @Test(
    "an array is refused with what is wrong in it",
    arguments: [
      ("negative-shape", "at most 16 extents that are not negative, found '-1, 3, 32, 32)"),
      ("objects", "found '|O', which is refused; nothing was executed"),
      ("huge-shape", "expected the bytes of float64 of shape [4611686018427387904, 4]"),
      ("short", "expected the bytes of uint8 of shape [2, 3, 32, 32], found 3072"),
    ])
  func hostile(name: String, message: String) throws {
    try withTemporaryFolder { folder in
      for (source, copy) in [("hostile/\(name)", "images"), ("fuzz/npy/labels", "labels")] {
        try FileManager.default.copyItem(
          atPath: fixturePath("\(source).npy"), toPath: "\(folder)/\(copy).npy")
      }
      #expect("\(message)") {
        _ = try ImageSource.read(folder, split: .test, classes: 10)
      } throws: {
        "\($0)".contains(message) && "\($0)".contains("images.npy")
      }
    }
  }

  @Test("labels that are no classes, pixels out of range and links are refused with their place")
  func otherValues() throws {
    func refuse(_ message: String, _ body: () throws -> ImageDataset) {
      #expect("\(message)") {
        _ = try body()
      } throws: {
        "\($0)".contains(message)
      }
    }
    refuse("labels: expected labels in 0...8, found 9 at 2") {
      try read("fuzz/npy/stored.npz", classes: 9)
    }
    refuse("/images: expected a dataset, found a group") { try read("hostile/cycle.h5") }
    refuse("images: expected images N×C×H×W") { try read("hostile/soft-link.h5") }
    refuse("/images: expected a link inside the file") { try read("hostile/external-link.h5") }
    refuse("or others of such names, found no arrays") { try read("hostile/good.pt") }
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      for (value, found) in [(Float(1.5), "1.5"), (.nan, "nan"), (-0.25, "-0.25")] {
        try HDF5File.create(at: path) { file in
          var pixels = [Float](repeating: 0.5, count: 2 * 48)
          pixels[48 + 16 + 5] = value
          try file.write(pixels, shape: [2, 3, 4, 4], to: "/images")
          try file.write([Int64(0), 1], to: "/labels")
        }
        refuse("images: expected pixels in [0, 1], found \(found) at [1, 1, 1, 1]") {
          try ImageSource.read(path, split: .test, classes: 10)
        }
      }
      try HDF5File.create(at: path) { file in
        try file.write([UInt8](repeating: 0, count: 96), shape: [2, 3, 4, 4], to: "/images")
        try file.write([Int64(0)], to: "/labels")
      }
      refuse("labels: expected 2 labels, one an image, found shape [1]") {
        try ImageSource.read(path, split: .test, classes: 10)
      }
    }
  }
}
