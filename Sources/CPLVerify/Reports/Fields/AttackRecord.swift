// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLCertificates
import CPLReference

/// What one attack found, column by column, a row an image.
public struct AttackRecord: Equatable, Sendable {
  /// The radius of its ball; nil for an attack that looks for the nearest adversarial image.
  public let epsilon: Epsilon?
  /// For each image, its index in its data set.
  public let indices: [Int]
  /// The class that the data set gives each image.
  public let labels: [Int]
  /// For each image, the class without an attack; −1 where a logit is not finite.
  public let predictions: [Int]
  /// For each image, the distance of the nearest adversarial image, in pixel units; ∞ without one.
  public let distances: [Double]
  package let forwardPasses: [Int]
  package let backwardPasses: [Int]
  /// The adversarial images of those for which one was found, in order, K×C×H×W; nil where none is
  /// kept.
  package let adversarialImages: Tensor<Float>?

  /// A record of the given columns.
  ///
  /// - Precondition: all are equally long.
  package init(
    epsilon: Epsilon?, indices: [Int], labels: [Int], predictions: [Int], distances: [Double],
    forwardPasses: [Int], backwardPasses: [Int], adversarialImages: Tensor<Float>? = nil
  ) {
    precondition(
      [labels.count, predictions.count, distances.count, forwardPasses.count, backwardPasses.count]
        .allSatisfy { $0 == indices.count }, "columns are equally long")
    self.epsilon = epsilon
    self.indices = indices
    self.labels = labels
    self.predictions = predictions
    self.distances = distances
    self.forwardPasses = forwardPasses
    self.backwardPasses = backwardPasses
    self.adversarialImages = adversarialImages
  }

  /// What an attack found for each image.
  ///
  /// - Parameter imageShape: of one image.
  /// - Precondition: one index, label, prediction and result an image.
  public init(
    epsilon: Epsilon?, indices: [Int], labels: [Int], predictions: [Int],
    results: [AttackResult], imageShape: ImageShape
  ) {
    let found = results.compactMap(\.image)
    self.init(
      epsilon: epsilon, indices: indices, labels: labels, predictions: predictions,
      distances: results.map(\.distance), forwardPasses: results.map(\.forwardPasses),
      backwardPasses: results.map(\.backwardPasses),
      adversarialImages: found.isEmpty
        ? nil : Tensor(shape: [found.count] + imageShape.extents, elements: found.flatMap { $0 }))
  }

  /// The number of images.
  public var count: Int { indices.count }

  var rows: [TableRow<AttackRecord>] {
    (0..<count).map { TableRow(table: self, row: $0) }
  }

  /// The share of images classified correctly without an attack; NaN without images.
  public var cleanAccuracy: Double {
    Double(zip(predictions, labels).count { $0 == $1 }) / Double(count)
  }

  /// The share of images for which nothing adversarial was found in the ball, or at any distance
  /// where there is no ball, and whose logits are finite; NaN without images.
  public var robustAccuracy: Double {
    let radius = epsilon?.value ?? .greatestFiniteMagnitude
    return Double(zip(distances, predictions).count { $0 > radius && $1 >= 0 }) / Double(count)
  }

  /// How far away the adversarial images are that were found for images classified correctly.
  package var foundDistances: Distribution? {
    Distribution(distances.filter { $0 > 0 && $0.isFinite })
  }

  /// The number of images that went through the network, forward and backward.
  package var passes: Int { zip(forwardPasses, backwardPasses).reduce(0) { $0 + $1.0 + $1.1 } }
}
