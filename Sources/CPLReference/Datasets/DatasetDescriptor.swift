// SPDX-License-Identifier: Apache-2.0

/// What is known of a data set beside its images: all that depends on which one it is.
///
/// A new data set is a descriptor in a file of its own and a line in `all`, and a reader where its files
/// are of a new form.
public struct DatasetDescriptor: Sendable {
  /// What flags and results call it, such as "cifar10".
  public let name: String
  /// What its authors call it, such as "CIFAR-10".
  public let title: String
  /// The shape of each image.
  public let image: ImageShape
  /// The names of the classes, in the order of their labels.
  public let classNames: [String]
  /// What training normalises its images by.
  public let statistics: ChannelStatistics
  /// What training does to its images.
  package let augmentation: Augmentation.Policy
  /// Nil for images that are drawn.
  let reader: (any DatasetReader)?

  /// Whether its images are read from files.
  package var isRead: Bool { reader != nil }

  /// The number of classes.
  public var classes: Int { classNames.count }

  /// Every data set that is known.
  public static let all = [cifar10, cifar100, mnist, fashionMNIST, synthetic]

  /// The data set of a name; nil where none has it.
  public static func named(_ name: String?) -> DatasetDescriptor? {
    all.first { $0.name == name }
  }
}
