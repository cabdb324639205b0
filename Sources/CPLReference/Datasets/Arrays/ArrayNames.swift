// SPDX-License-Identifier: Apache-2.0

/// What arrays of images and of their labels are called.
package enum ArrayNames {
  /// The pairs of names that people give, a split's own before those of any split; in lower case.
  static func pairs(of split: ImageDataset.Split) -> [(images: String, labels: String)] {
    let split = split.rawValue
    return [
      ("\(split)_images", "\(split)_labels"), ("x_\(split)", "y_\(split)"),
      ("\(split)_x", "\(split)_y"), ("\(split)_data", "\(split)_labels"),
      ("\(split)_data", "\(split)_targets"), ("images", "labels"), ("x", "y"), ("data", "labels"),
      ("data", "target"), ("data", "targets"), ("images", "targets"), ("images", "y"),
    ]
  }

  /// The names among `names` that the images and labels of a split have, in whatever case.
  ///
  /// - Parameter ending: what stands behind the names, such as ".npy".
  static func find(
    _ split: ImageDataset.Split, in names: some Collection<String>, ending: String = ""
  ) -> (images: String, labels: String)? {
    let known = Dictionary(
      names.map { ($0.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    for (images, labels) in pairs(of: split) {
      guard let images = known[images + ending], let labels = known[labels + ending] else {
        continue
      }
      return (images, labels)
    }
    return nil
  }

  /// Whether arrays of these names are images with their labels.
  package static func isDataSet(_ names: some Collection<String>) -> Bool {
    ImageDataset.Split.allCases.contains { find($0, in: names) != nil }
  }

  /// What to expect, in a message.
  static let expected =
    "arrays 'images' and 'labels', 'x_test' and 'y_test', or others of such names"
}
