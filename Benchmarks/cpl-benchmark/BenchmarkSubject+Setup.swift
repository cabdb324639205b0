// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

extension BenchmarkSubject {
  var workers: Workers {
    Workers(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  private var imageCount: Int { images ?? batch ?? 256 }

  /// The work, ready for its first repetition.
  func makeWork() throws -> any BenchmarkWork {
    var (network, model) = try makeNetwork()
    let data = makeBatch()
    let batches = Batches(data, size: batch ?? imageCount)
    if work != .training, work != .bounds {
      network.updateSteps(
        iterations: CPLNetwork<Float>.evaluationIterations, workers: workers)
    }
    let forward = Int(model.multiplyAdds) * imageCount
    switch work {
    case .about, .prepare: preconditionFailure("these are not repeated")
    case .training:
      return TrainingWork(network, batches, multiplyAdds: 3 * forward, workers: workers)
    case .evaluation:
      return EvaluationWork(network, batches, multiplyAdds: forward, workers: workers)
    case .evaluation64:
      return EvaluationWork<Double>(
        network.converted(), batches, multiplyAdds: forward, workers: workers)
    case .pgd:
      return GradientStepWork(network, batches, multiplyAdds: 2 * forward, workers: workers)
    case .attack:
      let steps = AttackWork.iterations
      return try AttackWork(
        network, batches, multiplyAdds: (2 * steps + 1) * forward, workers: workers)
    case .bounds: return BoundsWork(network, workers: workers)
    }
  }

  /// The network that is measured, and its sizes.
  ///
  /// One that is drawn here has warm power vectors: from a random one, σ̂ is so low at first that
  /// layers expand.
  func makeNetwork() throws -> (network: CPLNetwork<Float>, model: ModelConfiguration) {
    guard let experiment else {
      throw ReferenceError.mismatch(expected: "an experiment", found: "none")
    }
    let text = try String(contentsOfFile: experiment, encoding: .utf8)
    var configuration = try ExperimentConfiguration(yaml: text, path: experiment)
    if let convolutionLayers { configuration.model.recipe?.convolutionLayers = convolutionLayers }
    try configuration.check(path: experiment)
    try configuration.checkFits(SyntheticImages.make(count: 0, seed: 0, split: .train))
    let specifications = configuration.model.layers(
      mean: DatasetDescriptor.cifar10.statistics.mean, standardDeviation: [1, 1, 1])
    if let weights {
      return (try Checkpoint(path: weights).network, configuration.model)
    }
    var network = CPLNetwork<Float>(specifications, seed: seed ?? 0)
    network.updateSteps(iterations: CPLNetwork<Float>.evaluationIterations, workers: workers)
    return (network, configuration.model)
  }

  /// The images and their labels.
  func makeBatch() -> (images: Tensor<Float>, labels: [Int]) {
    let dataset = SyntheticImages.make(count: imageCount, seed: 0, split: .train)
    return (dataset.images(at: 0..<dataset.count), dataset.labels)
  }
}

/// Labelled images cut into batches; the last one may be shorter.
struct Batches {
  let batches: [(images: Tensor<Float>, labels: [Int])]

  init(_ data: (images: Tensor<Float>, labels: [Int]), size: Int) {
    let count = data.labels.count
    batches = stride(from: 0, to: count, by: max(1, size)).map { start in
      let range = start..<min(count, start + max(1, size))
      return (data.images.slice(range), Array(data.labels[range]))
    }
  }
}
