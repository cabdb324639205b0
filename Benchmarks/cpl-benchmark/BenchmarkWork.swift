// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

/// Work that can be repeated.
protocol BenchmarkWork: AnyObject {
  /// Multiply-adds of one repetition; 0 where they are not counted.
  var multiplyAdds: Int { get }
  /// What the last repetition computed, by which it is compared with what others compute.
  var result: [Float] { get }
  /// Does the work once.
  ///
  /// - Parameter keepsResult: whether `result` will be asked for; only then may it cost something.
  func repetition(keepsResult: Bool) throws
}

/// Training steps, as `Trainer` makes them, on images that stay as they are.
final class TrainingWork: BenchmarkWork {
  let multiplyAdds: Int
  private(set) var result: [Float] = []
  private let batches: Batches
  private let workers: Workers
  private var state: TrainingState

  init(_ network: CPLNetwork<Float>, _ batches: Batches, multiplyAdds: Int, workers: Workers) {
    state = TrainingState(network: network)
    self.batches = batches
    self.multiplyAdds = multiplyAdds
    self.workers = workers
  }

  /// The result is the last step's loss, and the length of the gradient with respect to each
  /// parameter.
  func repetition(keepsResult: Bool) {
    for (images, labels) in batches.batches {
      let (loss, gradients) = state.step(images: images, labels: labels, workers: workers)
      guard keepsResult else { continue }
      result =
        [loss] + gradients.flatMap { $0.parameters.map { Float($0.dot($0).squareRoot()) } }
    }
  }
}

extension TrainingState {
  /// One step at the highest learning rate.
  fileprivate mutating func step(
    images: Tensor<Float>, labels: [Int], workers: Workers
  ) -> (loss: Float, gradients: [LayerGradient<Float>]) {
    let (loss, _, gradients) = network.trainingGradient(
      images: images, labels: labels, loss: MarginLoss(margin: 0.7), densePowerGradient: false,
      workers: workers)
    optimizer.update(&network, gradients: gradients, learningRate: 1e-3, workers: workers)
    return (loss, gradients)
  }
}

/// Logits.
final class EvaluationWork<Scalar: TensorScalar>: BenchmarkWork {
  let multiplyAdds: Int
  private(set) var result: [Float] = []
  private let network: CPLNetwork<Scalar>
  private let batches: [Tensor<Scalar>]
  private let workers: Workers

  init(_ network: CPLNetwork<Scalar>, _ batches: Batches, multiplyAdds: Int, workers: Workers) {
    self.network = network
    self.batches = batches.batches.map { $0.images.converted() }
    self.multiplyAdds = multiplyAdds
    self.workers = workers
  }

  func repetition(keepsResult: Bool) {
    result = batches.flatMap { network.logits($0, workers: workers).elements.map { Float($0) } }
  }
}

/// An iteration of PGD from the images themselves: up the cross-entropy by ε/5, ε = 36/255, and
/// back into the box. That stays inside the ball.
final class GradientStepWork: BenchmarkWork {
  let multiplyAdds: Int
  private(set) var result: [Float] = []
  private let network: CPLNetwork<Float>
  private let batches: Batches
  private let workers: Workers
  private static let stepLength = 36.0 / 255 / 5

  init(_ network: CPLNetwork<Float>, _ batches: Batches, multiplyAdds: Int, workers: Workers) {
    self.network = network
    self.batches = batches
    self.multiplyAdds = multiplyAdds
    self.workers = workers
  }

  func repetition(keepsResult: Bool) {
    result = batches.batches.flatMap { images, labels in
      let evaluated = network.evaluate(
        images, workers: workers,
        gradientOf: { AttackLoss.crossEntropy.gradient($1, label: labels[$0]) })
      let gradients = evaluated.gradients as? Tensor<Float>
      return gradients.map { move(images, along: $0).elements } ?? []
    }
  }

  private func move(_ images: Tensor<Float>, along gradient: Tensor<Float>) -> Tensor<Float> {
    let batch = images.shape[0]
    let size = images.count / batch
    return Tensor(shape: images.shape) { moved in
      images.withUnsafeElements { x in
        gradient.withUnsafeElements { g in
          nonisolated(unsafe) let (moved, x, g) = (moved, x, g)
          workers.forEach(batch) { image in
            let start = image * size
            let length = Float.dot(size, g + start, g + start).squareRoot()
            let scale = Float(Self.stepLength / max(length, 1e-6))
            for index in start..<start + size {
              moved[index] = min(max(x[index] + scale * g[index], 0), 1)
            }
          }
        }
      }
    }
  }
}

/// The paper's PGD at ε = 36/255.
final class AttackWork: BenchmarkWork {
  static let iterations = 10
  let multiplyAdds: Int
  private(set) var result: [Float] = []
  private let target: AttackTarget
  private let batches: Batches
  private let workers: Workers

  init(
    _ network: CPLNetwork<Float>, _ batches: Batches, multiplyAdds: Int, workers: Workers
  ) throws {
    target = try AttackTarget(network)
    self.batches = batches
    self.multiplyAdds = multiplyAdds
    self.workers = workers
  }

  /// The result is how many images were broken.
  func repetition(keepsResult: Bool) {
    let attack = ProjectedGradientDescent(.published)
    let broken = batches.batches.reduce(0) { sum, batch in
      let input = AttackInput(
        images: batch.images, labels: batch.labels, indices: Array(batch.labels.indices))
      let results = attack.run(
        input, budgets: Array(repeating: 36.0 / 255, count: input.count), on: target, seed: 0,
        workers: workers)
      return sum + results.count { $0.image != nil }
    }
    result = [Float(broken)]
  }
}

/// Verified bounds of every layer, and steps from them.
final class BoundsWork: BenchmarkWork {
  let multiplyAdds = 0
  private(set) var result: [Float] = []
  private let network: CPLNetwork<Float>
  private let workers: Workers

  init(_ network: CPLNetwork<Float>, workers: Workers) {
    self.network = network
    self.workers = workers
  }

  /// The result is the verified upper bound of each layer's spectral norm, 0 where there is none.
  func repetition(keepsResult: Bool) throws {
    let verified = try VerifiedNetwork(
      network, profile: .corrected, workers: workers, progress: { _, _ in })
    result = verified.bounds.layers.map { Float($0.spectralNorm?.upperBound ?? 0) }
  }
}
