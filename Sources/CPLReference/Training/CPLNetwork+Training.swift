// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

extension CPLNetwork {
  /// The gradient of the loss in training mode with respect to every parameter.
  ///
  /// First each layer derives from its parameters what it executes (`DerivedWeightsLayer`); the gradient
  /// then follows the derivation.
  ///
  /// - Parameters:
  ///   - images: N×C×H×W in [0, 1].
  ///   - densePowerGradient: the quirk of that name.
  /// - Returns: the loss, and for each layer the gradients in the order of `Layer.parameters`.
  package mutating func trainingGradient(
    images: Tensor<Scalar>, labels: [Int], loss: any TrainingLoss, densePowerGradient: Bool,
    workers: Workers
  ) -> (loss: Scalar, images: Tensor<Scalar>, layers: [LayerGradient<Scalar>]) {
    let followers = deriveWeights(densePowerGradient: densePowerGradient, workers: workers)
    let sums = lossSums(
      images: images, labels: labels, loss: loss, batch: labels.count, workers: workers)
    var gradients = zip(layers, sums.layers).map { $0.parameterGradient($1) }
    for (position, follow) in followers { follow(&gradients[position], workers) }
    return (sums.loss / Scalar(labels.count), sums.images, gradients)
  }

  /// What images of a batch of so many add to the sums over it, of the numbers that are executed.
  ///
  /// Sums of subtrees of `BatchTree` are those of the whole batch once they have been added as the tree does.
  func lossSums(
    images: Tensor<Scalar>, labels: [Int], loss: any TrainingLoss, batch: Int, workers: Workers
  ) -> LossSums<Scalar> {
    let pass = record(images, recording: .everything, workers: workers)
    let (sum, logitGradient) = loss.sum(pass.logits, labels: labels, batch: batch)
    let (imageGradient, layerSums) = backwardSums(logitGradient, pass, workers: workers)
    return LossSums(loss: sum, images: imageGradient, layers: layerSums)
  }

  /// Has every layer derive the numbers of a training step.
  ///
  /// - Returns: for each layer that does what follows a gradient through the derivation.
  mutating func deriveWeights(
    densePowerGradient: Bool, workers: Workers
  ) -> [(position: Int, follow: GradientThroughDerivation<Scalar>)] {
    let layers = layers.enumerated().compactMap { position, layer in
      (layer as? any DerivedWeightsLayer<Scalar>).map { (position: position, layer: $0) }
    }
    let derived = workers.map(layers.count) { index in
      var layer = layers[index].layer
      let follow = layer.deriveWeights(densePowerGradient: densePowerGradient)
      return (layer: layer, follow: follow)
    }
    for (index, derived) in derived.enumerated() {
      self.layers[layers[index].position] = derived.layer
    }
    return zip(layers, derived).map { ($0.position, $1.follow) }
  }
}

/// What some images of a batch add to what is summed over it.
struct LossSums<Scalar: TensorScalar> {
  /// The sum of their losses.
  private(set) var loss: Scalar
  /// The gradient of the batch's loss with respect to them.
  private(set) var images: Tensor<Scalar>
  /// For each layer what `Layer.parameterGradient` takes.
  private(set) var layers: [LayerGradient<Scalar>]

  /// Adds what the images add that follow.
  mutating func add(_ other: LossSums) {
    loss += other.loss
    images = Tensor(joining: [images, other.images])
    for index in layers.indices { layers[index].add(other.layers[index]) }
  }
}
