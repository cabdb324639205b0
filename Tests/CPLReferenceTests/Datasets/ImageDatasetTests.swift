// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("ImageDataset")
struct ImageDatasetTests {
  /// Three images, every byte of which differs from its neighbours'.
  let dataset = ImageDataset(
    name: "test", classes: 4, imageShape: [3, 32, 32],
    pixels: (0..<3 * 3072).map { UInt8(truncatingIfNeeded: $0 &* 7 + $0 / 256) }, labels: [2, 0, 3])

  @Test("a pixel is its byte divided by 255 in binary32")
  func everyByte() {
    let ramp = ImageDataset(
      name: "ramp", classes: 1, imageShape: [1, 16, 16], pixels: Array(0...255), labels: [0])
    let image = ramp.images(at: [0])
    #expect(image.shape == [1, 1, 16, 16])
    #expect(image.elements == (0...255).map { Float($0) / Float(255) })
  }

  @Test("images come in the order asked for, repetitions included")
  func order() {
    let batch = dataset.images(at: [2, 0, 2])
    #expect(batch.shape == [3, 3, 32, 32])
    let bytes = [2, 0, 2].flatMap { dataset.bytes(at: $0) }
    #expect(batch.elements == bytes.map { Float($0) / 255 })
  }

  @Test("no images make an empty batch")
  func emptyBatch() {
    #expect(dataset.images(at: []).shape == [0, 3, 32, 32])
    #expect(dataset.prefix(0).images(at: 0..<0).count == 0)
  }

  @Test("a subset of a subset remembers the indices in the whole")
  func nestedSubsets() throws {
    let nested = try dataset.subset([2, 1]).subset([1, 0, 0])
    #expect(nested.indices == [1, 2, 2])
    #expect(nested.labels == [0, 3, 3])
    #expect(nested.images(at: [0]) == dataset.images(at: [1]))
    #expect(nested.bytes(at: 1).elementsEqual(dataset.bytes(at: 2)))
  }

  @Test("an index that is not there is refused", arguments: [-1, 3, Int.max])
  func strayIndex(index: Int) {
    #expect(
      throws: ReferenceError.mismatch(expected: "indices of test in 0..<3", found: "\(index)")
    ) { try dataset.subset([0, index]) }
  }

  @Test(
    "a prefix is cut to what is there",
    arguments: [(-1, 0), (0, 0), (2, 2), (3, 3), (Int.max, 3)])
  func prefix(length: Int, expected: Int) {
    #expect(dataset.prefix(length).indices == Array(0..<expected))
  }
}
