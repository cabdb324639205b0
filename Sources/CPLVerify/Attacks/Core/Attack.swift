// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLNetworks

/// Images under attack.
package struct AttackInput: Sendable {
  /// N×C×H×W, in [0, 1].
  package let images: Tensor<Float>
  /// For each image the class that the attack is to leave: its label, or in an audit its prediction; never
  /// −1.
  package var labels: [Int]
  /// For each image its index in its data set. Noise is keyed by it, so that an image's result
  /// does not depend on its company.
  package var indices: [Int]
  /// What the network under attack makes of the images, where others look at them too.
  let batch: EvaluatedBatch?

  package init(images: Tensor<Float>, labels: [Int], indices: [Int]) {
    self.init(images, nil, labels: labels, indices: indices)
  }

  /// Images that others look at too.
  ///
  /// - Parameter batch: evaluated by the network that is to be attacked.
  package init(_ batch: EvaluatedBatch, labels: [Int], indices: [Int]) {
    self.init(batch.images, batch, labels: labels, indices: indices)
  }

  private init(
    _ images: Tensor<Float>, _ batch: EvaluatedBatch?, labels: [Int], indices: [Int]
  ) {
    precondition(
      images.shape[0] == labels.count && labels.count == indices.count, "one of each an image")
    self.images = images
    self.batch = batch
    self.labels = labels
    self.indices = indices
  }

  /// The number of images.
  package var count: Int { labels.count }

  /// Some of the images.
  package func selecting(_ positions: [Int]) -> AttackInput {
    let batch = batch?.rows(positions)
    return AttackInput(
      batch?.images ?? images.rows(positions), batch, labels: positions.map { labels[$0] },
      indices: positions.map { indices[$0] })
  }
}

/// A network under attack: the binary32 one, or the same weights evaluated in binary64. Images are
/// binary32 numbers in both.
public struct AttackTarget: Sendable {
  /// The binary32 network.
  package let network: CPLNetwork<Float>
  /// The binary64 network, where that is the one under attack.
  package let binary64: CPLNetwork<Double>?
  /// The Lipschitz constants of its head's margins, by which attacks tell which class is near.
  package let constants: PairConstants

  /// - Parameter binary64: the same network in binary64, if that is to be attacked.
  public init(
    _ network: CPLNetwork<Float>, binary64: CPLNetwork<Double>? = nil
  ) throws(VerificationError) {
    self.network = network
    self.binary64 = binary64
    constants = try PairConstants(network)
  }

  /// The logits of images, N×classes, as they are computed.
  package func logits(of input: AttackInput, workers: Workers) -> Tensor<Double> {
    if let binary64 {
      return input.batch?.binary64
        ?? binary64.logits(input.images.converted(), workers: workers)
    }
    return
      (input.batch?.binary32 ?? network.logits(input.images, workers: workers)).converted()
  }

  /// Runs searches to their ends.
  func drive<Search: ImageSearch>(
    _ searches: inout [Search], workers: Workers
  ) where Search.Point == Float {
    if let binary64 {
      binary64.drive(&searches, workers: workers)
    } else {
      network.drive(&searches, workers: workers)
    }
  }
}

/// What an attack found for one image.
public struct AttackResult: Sendable {
  /// The nearest adversarial image found, C×H×W; nil when none was.
  public var image: [Float]?
  /// ‖image − original‖₂, computed in binary64 from the two binary32 images; ∞ without an image.
  public var distance = Double.infinity
  /// How many images went forward through the network, the starting one included.
  public var forwardPasses = 0
  /// How many images went backward.
  public var backwardPasses = 0

  package init() {}

  /// Keeps `candidate` if it is nearer than what was found before.
  package mutating func keep(_ candidate: [Float], distance: Double) {
    guard distance < self.distance else { return }
    image = candidate
    self.distance = distance
  }
}

/// An attack in the ℓ2 norm, inside the box [0, 1]^d, untargeted.
///
/// Success means that the predicted class differs from the label; logits that are not finite are of no
/// class, so that an image with such logits is a success. What is returned has been tested again: an
/// image outside the box or its ball is no success, and distances are recomputed.
///
/// What is small compared with a gradient or with logits is so relative to their own scale: a network
/// multiplied by a power of two is attacked in the same way. (The cross-entropy of `pgd-published` and
/// `apgd-ce` has a scale of its own.)
package protocol Attack: Sendable {
  /// The name in flags and files.
  var name: String { get }
  /// What it does, with its settings, for whoever reads a report.
  var summary: String { get }
}

/// An attack that looks for an adversarial image inside a ball.
package protocol FixedBudgetAttack: Attack {
  /// Attacks each image inside the ball of its own radius.
  ///
  /// - Parameters:
  ///   - budgets: for each image the ball's radius ε, in pixel units.
  ///   - seed: what the attack's noise comes from, with each image's index.
  func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult]
}

/// An attack that looks for the nearest adversarial image.
package protocol MinimumNormAttack: Attack {
  /// Looks for the adversarial image nearest to each image.
  ///
  /// - Parameter seed: what the attack's noise comes from, with each image's index.
  func run(
    _ input: AttackInput, on target: AttackTarget, seed: UInt64, workers: Workers
  ) -> [AttackResult]
}
