// SPDX-License-Identifier: Apache-2.0

/// The built-in data: ten classes of drawn 32×32 colour images, so that everything can be tried,
/// tested and demonstrated without a download.
///
/// The classes are large high-contrast patterns at a random place, size and phase, in random
/// colours of which either may be the brighter one. Pixel by pixel the classes therefore look
/// alike, and a linear classifier fails; as patterns they are far apart in ℓ2, so that a small
/// 1-Lipschitz network learns them with a margin. A mirror image belongs to the same class.
///
/// Drawing is integer arithmetic on Philox's numbers: the same seed gives the same bytes on every
/// machine. Image i depends on (seed, split, i) alone: a smaller set is a prefix of a larger one.
public enum SyntheticImages {
  static let imageShape = ImageShape(channels: 3, height: 32, width: 32)

  /// The names of the classes, in the order of their labels.
  package static let classNames = Pattern.Kind.allCases.map(\.rawValue)

  /// The default sizes: the training set is as small as `cpl-tiny` learns from in a minute, the
  /// test set as small as tells accuracies apart to about one per cent (one standard deviation).
  package static func defaultCount(of split: ImageDataset.Split) -> Int {
    switch split {
    case .train: 5000
    case .test: 1000
    }
  }

  /// The first `count` images of a split (`defaultCount(of:)` unless given).
  ///
  /// Labels are balanced: each run of ten images from the start holds each class once, in an order
  /// drawn for that run.
  ///
  /// - Precondition: `count` is not negative and below 2³².
  public static func make(
    count: Int? = nil, seed: UInt64, split: ImageDataset.Split
  ) -> ImageDataset {
    let count = count ?? defaultCount(of: split)
    let (pixels, labels) = draw(count: count, seed: seed, set: split == .train ? 0 : 1)
    return ImageDataset(
      name: "synthetic", classes: classNames.count, imageShape: imageShape, pixels: pixels,
      labels: labels)
  }
}

extension DatasetDescriptor {
  /// The built-in images, normalised by the middle of the range and a quarter of it.
  package static let synthetic = DatasetDescriptor(
    name: "synthetic", title: "the built-in images", image: SyntheticImages.imageShape,
    classNames: SyntheticImages.classNames,
    statistics: ChannelStatistics(
      mean: [0.5, 0.5, 0.5], standardDeviation: [0.25, 0.25, 0.25]),
    augmentation: Augmentation.Policy(), reader: nil)
}
