// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import Foundation

/// Everything that chance decides in one query of the Square attack.
package struct SquareProposal: Equatable, Sendable {
  /// A bump: whether it is transposed, and for each channel whether its sign is flipped.
  package struct Bump: Equatable, Sendable {
    package var isTransposed: Bool
    package var flips: [Bool]

    package init(isTransposed: Bool, flips: [Bool]) {
      self.isTransposed = isTransposed
      self.flips = flips
    }

    init(channels: Int, _ random: inout CounterRandom) {
      isTransposed = random.below(2) == 1
      flips = (0..<channels).map { _ in random.below(2) == 1 }
    }
  }

  /// The corners of the window that receives and of the one that is emptied.
  package var receiving: (row: Int, column: Int)
  package var emptied: (row: Int, column: Int)
  package var bump: Bump

  package init(
    receiving: (row: Int, column: Int), emptied: (row: Int, column: Int), bump: Bump
  ) {
    self.receiving = receiving
    self.emptied = emptied
    self.bump = bump
  }

  /// Two windows of `window`×`window` pixels in an image, their corners in rows 0 … H − window − 1 and
  /// columns 0 … W − window − 1, and a bump.
  init(in image: ImageShape, window: Int, _ random: inout CounterRandom) {
    let (rows, columns) = (max(1, image.height - window), max(1, image.width - window))
    receiving = (random.below(rows), random.below(columns))
    emptied = (random.below(rows), random.below(columns))
    bump = Bump(channels: image.channels, &random)
  }

  package static func == (first: SquareProposal, second: SquareProposal) -> Bool {
    first.receiving == second.receiving && first.emptied == second.emptied
      && first.bump == second.bump
  }
}

/// The shapes of the Square attack (Andriushchenko, Croce, Flammarion and Hein 2020, *Square attack*,
/// section 3.2 and Algorithm 3).
package enum SquareShape {
  /// The bump of an s×s window, row by row: the upper ⌊s/2⌋ rows positive, the others negative. In each
  /// half nested centred rectangles of half-width k = 0, 1, 2, … add 1/(k+1)². Each half, then the
  /// whole, has length 1.
  package static func bump(window: Int) -> [Double] {
    let upper = window / 2
    let both = half(upper, window) + half(window - upper, window).map { -$0 }
    let length = both.euclideanLength
    return both.map { $0 / length }
  }

  private static func half(_ rows: Int, _ columns: Int) -> [Double] {
    var values = [Double](repeating: 0, count: rows * columns)
    for k in 0..<max(rows / 2 + 1, columns / 2 + 1) {
      let share = 1 / Double((k + 1) * (k + 1))
      let (top, left) = (rows / 2 - k, columns / 2 - k)
      for row in max(top, 0)..<max(min(top + 2 * k + 1, rows), max(top, 0)) {
        for column in max(left, 0)..<max(min(left + 2 * k + 1, columns), max(left, 0)) {
          values[row * columns + column] += share
        }
      }
    }
    let length = values.euclideanLength
    return length > 0 ? values.map { $0 / length } : values
  }

  /// The square tiles of the start: five along the lesser extent of the image, about as many as cover
  /// the larger one, in the middle of the image.
  package struct Grid {
    package let rows: Int
    package let columns: Int
    /// The height and width of a tile.
    package let tile: Int
    /// Where the first tile begins.
    package let top: Int
    package let left: Int

    package init(_ image: ImageShape) {
      let lesser = min(image.height, image.width)
      let tile = max(1, lesser / 5)
      func tiles(_ extent: Int) -> Int { min(5 * extent / lesser, extent / tile) }
      (rows, columns) = (tiles(image.height), tiles(image.width))
      self.tile = tile
      (top, left) = ((image.height - rows * tile) / 2, (image.width - columns * tile) / 2)
    }

    package var count: Int { rows * columns }

    /// The first pixel of a tile, counted row by row.
    package func corner(_ index: Int) -> (row: Int, column: Int) {
      (top + index / columns * tile, left + index % columns * tile)
    }
  }

  /// The height and width of the window of a query, counted from 0: of p = 0.8 of the image, halved after
  /// queries 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000; odd, at least 3, at most the image's
  /// lesser extent.
  package static func window(query: Int, image: ImageShape) -> Int {
    let halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000].count { query > $0 }
    let share = 0.8 / Double(1 << halvings)
    let rounded = (share * Double(image.planeCount)).squareRoot().rounded(.toNearestOrEven)
    return min(max(Int(rounded), 3) | 1, image.height, image.width)
  }
}
