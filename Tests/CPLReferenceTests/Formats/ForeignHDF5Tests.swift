// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("HDF5 files of other programs")
struct ForeignHDF5Tests {
  private let shape = [4, 3, 8, 8]
  private let labels: [UInt8] = [1, 0, 3, 2]
  /// Runs of equal bytes, and bytes that differ.
  private let pixels: [UInt8] = (0..<768).map { $0 < 400 ? 9 : UInt8(truncatingIfNeeded: $0 &* 37) }

  private func read(_ fill: (borrowing ForeignHDF5) -> Void) throws -> ImageDataset {
    try withTemporaryFolder { folder in
      ForeignHDF5.create(at: folder + "/x.h5", fill)
      return try ImageSource.read(folder + "/x.h5", split: .test, classes: 4)
    }
  }

  private func plain(_ pixels: [UInt8]) -> ImageDataset {
    ImageDataset(
      name: "hdf5", classes: 4, imageShape: [3, 8, 8], pixels: pixels, labels: [1, 0, 3, 2])
  }

  @Test("numbers of other types are read", arguments: ForeignHDF5Type.allCases)
  func types(type: ForeignHDF5Type) throws {
    let values = pixels.map { $0 & 1 }
    let found = try read {
      $0.write(values, as: type, shape, to: "/images")
      $0.write(labels, as: type, [4, 1], to: "/labels")
    }
    #expect(found.labels == [1, 0, 3, 2])
    let isFloat = type == .float16 || type == .float16BigEndian
    let expected = plain(isFloat ? values.map { $0 * 255 } : values)
    #expect(found.images(at: 0..<4) == expected.images(at: 0..<4))
  }

  @Test("compressed numbers are read", arguments: ForeignHDF5Filter.allCases)
  func compressed(filter: ForeignHDF5Filter) throws {
    let found = try read {
      $0.write(pixels, shape, by: filter, rows: 2, to: "/x_test")
      $0.write(labels, as: .int16, [4], to: "/y_test")
    }
    #expect(found.images(at: 0..<4) == plain(pixels).images(at: 0..<4))
  }

  @Test("soft links are followed inside the file, and no others")
  func links() throws {
    let found = try read {
      $0.group("/a")
      $0.group("/a/b")
      $0.write(pixels, as: .int16, shape, to: "/a/b/x")
      $0.write(labels, as: .int16, [4], to: "/a/y")
      $0.softLink("/a/c", to: "b")
      $0.softLink("/images", to: "a/c/./x")
      $0.softLink("/labels", to: "/a/y")
    }
    #expect(found.images(at: 0..<4) == plain(pixels).images(at: 0..<4))
    func refuse(_ message: String, _ link: (borrowing ForeignHDF5) -> Void) {
      #expect("\(message)") {
        _ = try read {
          $0.write(labels, as: .int16, [4], to: "/labels")
          link($0)
        }
      } throws: {
        "\($0)".contains(message)
      }
    }
    refuse("found a circle") { $0.softLink("/images", to: "/images") }
    refuse("expected a link inside the file") {
      $0.externalLink("/images", to: "/labels", of: "other.h5")
    }
    refuse("expected a link inside the file") {
      $0.externalLink("/e", to: "/", of: "other.h5")
      $0.softLink("/images", to: "/e/labels")
    }
  }
}
