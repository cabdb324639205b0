// SPDX-License-Identifier: Apache-2.0

/// The share of images that are classified correctly, and provably so within a radius.
package struct CertifiedAccuracy: Sendable {
  private let certified: [Double]

  /// - Parameters:
  ///   - radii: for each image the radius within which its prediction cannot change.
  ///   - predictions: for each image the predicted class.
  ///   - labels: for each image its class.
  package init(radii: [Double], predictions: [Int], labels: [Int]) {
    precondition(
      radii.count == predictions.count && radii.count == labels.count, "one of each an image")
    certified = zip(radii, zip(predictions, labels)).map { $1.0 == $1.1 ? $0 : 0 }
  }

  /// The share of images certified at `epsilon`, in [0, 1]; NaN without images.
  package subscript(epsilon: Epsilon) -> Double {
    Double(certified.count { $0 > epsilon.value }) / Double(certified.count)
  }
}
