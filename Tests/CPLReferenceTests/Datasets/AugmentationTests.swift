// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Augmentation")
struct AugmentationTests {
  let dataset = SyntheticImages.make(count: 40, seed: 1, split: .train)
  let augmentation = Augmentation(seed: 11)

  /// Row `y`, column `x` of an endless image that reflects at its edges, computed step by step.
  func reflected(_ image: [Float], _ plane: Int, _ y: Int, _ x: Int) -> Float {
    func fold(_ position: Int) -> Int {
      if position < 0 { return fold(-position) }
      return position > 31 ? fold(62 - position) : position
    }
    return image[plane * 1024 + fold(y) * 32 + fold(x)]
  }

  @Test("an image is a crop of its reflection, mirrored where the choice says so")
  func cropOfReflection() {
    for epoch in 0..<3 {
      let batch = augmentation.images(of: dataset, at: 0..<40, epoch: epoch)
      #expect(batch.shape == [40, 3, 32, 32])
      for position in 0..<40 {
        let image = dataset.images(at: [position]).elements
        let choice = augmentation.choice(of: dataset.imageShape, index: position, epoch: epoch)
        var expected: [Float] = []
        for plane in 0..<3 {
          for y in 0..<32 {
            let row = (0..<32).map {
              reflected(image, plane, y + choice.row - 4, $0 + choice.column - 4)
            }
            expected += choice.mirrored ? row.reversed() : row
          }
        }
        #expect(batch.slice(position..<position + 1).elements == expected)
      }
    }
  }

  @Test("crops start at each of 0...8 in both directions, and half of the images are mirrored")
  func choicesAreUniform() {
    let choices = (0..<8100).map {
      augmentation.choice(of: dataset.imageShape, index: $0, epoch: 0)
    }
    var cells = [Double](repeating: 0, count: 81)
    for choice in choices { cells[9 * choice.row + choice.column] += 1 }
    let chiSquare = cells.reduce(0) { $0 + ($1 - 100) * ($1 - 100) / 100 }
    // Five standard deviations of χ² with 80 degrees of freedom; then of a fair coin.
    #expect(abs(chiSquare - 80) <= 5 * 160.0.squareRoot())
    let mirrored = Double(choices.count(where: \.mirrored))
    #expect(abs(mirrored - 4050) <= 5 * 2025.0.squareRoot())
  }

  @Test("what an image looks like does not depend on its batch or selection")
  func independentOfBatch() throws {
    let alone = augmentation.images(of: dataset, at: [17], epoch: 5)
    #expect(augmentation.images(of: dataset, at: [3, 17, 4], epoch: 5).slice(1..<2) == alone)
    let selection = try dataset.subset([30, 17])
    #expect(augmentation.images(of: selection, at: [1], epoch: 5) == alone)
  }

  @Test("choices change with the epoch and the seed")
  func choicesChange() {
    func choices(_ augmentation: Augmentation, epoch: Int) -> [Augmentation.Choice] {
      (0..<40).map { augmentation.choice(of: dataset.imageShape, index: $0, epoch: epoch) }
    }
    let first = choices(augmentation, epoch: 0)
    #expect(choices(augmentation, epoch: 1) != first)
    #expect(choices(Augmentation(seed: 12), epoch: 0) != first)
  }

  @Test("a data set whose mirror images are other things is not mirrored, and crops stay the same")
  func policies() {
    let digits = Augmentation(DatasetDescriptor.mnist.augmentation, seed: 11)
    for index in 0..<200 {
      let usual = augmentation.choice(of: dataset.imageShape, index: index, epoch: 0)
      let choice = digits.choice(of: dataset.imageShape, index: index, epoch: 0)
      #expect(!choice.mirrored && choice.row == usual.row && choice.column == usual.column)
    }
    let still = Augmentation(Augmentation.Policy(cropPadding: 0, mirrors: false), seed: 11)
    #expect(
      still.images(of: dataset, at: 0..<40, epoch: 3) == dataset.images(at: 0..<40))
  }

  @Test("images of a few pixels are reflected as far as they reach", arguments: [1, 2, 3, 4, 5])
  func smallImages(extent: Int) {
    let shape = ImageShape(channels: 1, height: extent, width: 6 - extent)
    let pixels = (0..<UInt8(shape.count)).map { $0 }
    let images = ImageDataset(
      name: "small", classes: 2, imageShape: shape, pixels: (0..<50).flatMap { _ in pixels },
      labels: (0..<50).map { $0 % 2 })
    let seen = augmentation.images(of: images, at: 0..<50, epoch: 0)
    #expect(Set(seen.elements).isSubset(of: images.images(at: [0]).elements))
  }
}
