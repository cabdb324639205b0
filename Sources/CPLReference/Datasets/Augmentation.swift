// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Random crops and mirror images: pad by reflection, cut out the original size anywhere, then mirror
/// left and right with probability ½, as far as the data set's images allow it.
///
/// What happens to an image depends on (seed, epoch, its index in the data set) alone, not on the
/// batch that it is in.
public struct Augmentation: Sendable {
  /// What is done to the images of a data set; the default is what the published training does.
  public struct Policy: Codable, Hashable, Sendable {
    /// How many rows and columns reflection adds at each edge, where the image has more than that.
    public var cropPadding = 4
    /// Whether half of the images are mirrored.
    public var mirrors = true

    /// What is done to images of CIFAR unless given.
    public init(cropPadding: Int = 4, mirrors: Bool = true) {
      self.cropPadding = cropPadding
      self.mirrors = mirrors
    }

    /// How many rows or columns are added to so many.
    fileprivate func padding(_ extent: Int) -> Int { min(cropPadding, extent - 1) }
  }

  package let policy: Policy
  /// The seed of the run.
  package let seed: UInt64

  /// Crops and mirror images drawn from `seed`.
  package init(_ policy: Policy = Policy(), seed: UInt64) {
    self.policy = policy
    self.seed = seed
  }

  /// What is done to one image in one epoch.
  package struct Choice: Equatable {
    /// Where the crop starts in the padded image, 0 ... twice the rows or columns that are added.
    package var row: Int
    package var column: Int
    package var mirrored: Bool

    package init(row: Int, column: Int, mirrored: Bool) {
      self.row = row
      self.column = column
      self.mirrored = mirrored
    }
  }

  package func choice(of image: ImageShape, index: Int, epoch: Int) -> Choice {
    var random = CounterRandom(
      seed: seed, purpose: .augmentation, major: UInt32(index), minor: UInt32(epoch))
    return Choice(
      row: random.below(2 * policy.padding(image.height) + 1),
      column: random.below(2 * policy.padding(image.width) + 1),
      mirrored: policy.mirrors && random.below(2) == 1)
  }

  /// The images at `positions` of `dataset` as they are seen in `epoch`,
  /// N × channels × height × width, in [0, 1].
  ///
  /// - Precondition: every position is in 0 ..< `dataset.count`, and `epoch` is in 0 ..< 2³².
  package func images(
    of dataset: ImageDataset, at positions: some Collection<Int>, epoch: Int
  ) -> Tensor<Float> {
    let (height, width) = (dataset.imageShape.height, dataset.imageShape.width)
    let size = dataset.imageShape.count
    return Tensor(shape: [positions.count] + dataset.imageShape.extents) { output in
      var target = output
      for position in positions {
        let choice = choice(
          of: dataset.imageShape, index: dataset.indices[position], epoch: epoch)
        let rows = sources(height, offset: choice.row)
        let columns = sources(width, offset: choice.column, reversed: choice.mirrored)
        dataset.withPixels(at: position) { image in
          for plane in stride(from: image, to: image + size, by: height * width) {
            for row in rows {
              let line = plane + row * width
              for i in 0..<width { target[i] = line[columns[i]] }
              target += width
            }
          }
        }
      }
    }
  }

  /// For each of `extent` output rows or columns, which input row or column it shows.
  ///
  /// Reflection does not repeat the edge: −1 shows 1, `extent` shows `extent` − 2.
  private func sources(_ extent: Int, offset: Int, reversed: Bool = false) -> [Int] {
    let padding = policy.padding(extent)
    return (0..<extent).map {
      let position = abs((reversed ? extent - 1 - $0 : $0) + offset - padding)
      return position < extent ? position : 2 * (extent - 1) - position
    }
  }
}
