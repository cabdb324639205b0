import Testing

import CPLReference

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
        let choice = augmentation.choice(index: position, epoch: epoch)
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
    let choices = (0..<8100).map { augmentation.choice(index: $0, epoch: 0) }
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
    let others = [augmentation.choice, Augmentation(seed: 12).choice]
    let first = (0..<40).map { augmentation.choice(index: $0, epoch: 0) }
    #expect((0..<40).map { others[0]($0, 1) } != first)
    #expect((0..<40).map { others[1]($0, 0) } != first)
  }
}
