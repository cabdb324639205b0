// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLReference
import TestSupport
import Testing

/// What a layer computes depends on its inputs alone: not on the rest of the batch, the number of
/// threads or the processor's instruction set. Serialized, because the instruction set is chosen
/// for the whole process (other suites may run at any level meanwhile: all give the same bits).
@Suite("The layers' bits", .serialized)
struct LayerReproducibilityTests {
  /// Everything that a layer computes for a batch, as bytes.
  private func results<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, batch: Int, workers: Workers
  ) -> [[UInt8]] {
    let (x, g) = (layer.sampleInput(batch), layer.sampleGradient(batch))
    let (output, record) = layer.forward(x, recording: .everything, workers: workers)
    let (_, masks) = layer.forward(x, recording: .masks, workers: workers)
    let (input, parameters) = layer.backward(g, record, workers: workers)
    return [
      output.bytes, layer.inputGradient(g, masks, workers: workers).bytes, input.bytes,
      Tensor(shape: [parameters.derived.count], elements: parameters.derived).bytes,
    ] + parameters.parameters.map(\.bytes)
  }

  @Test("an image's values do not depend on the batch that it comes in", arguments: precisions)
  func rowsAlone(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      for layer in SampleLayers.large() as [any Layer<Scalar>] {
        // More than one piece of eight images, the last one not full.
        let batch = 11
        let (x, g) = (layer.sampleInput(batch), layer.sampleGradient(batch))
        let (output, record) = layer.forward(x, recording: .masks, workers: .serial)
        let gradient = layer.inputGradient(g, record, workers: .serial)
        for row in 0..<batch {
          let (alone, masks) = layer.forward(
            x.slice(row..<row + 1), recording: .masks, workers: .serial)
          let gradientAlone = layer.inputGradient(
            g.slice(row..<row + 1), masks, workers: .serial)
          #expect(alone.bytes == output.slice(row..<row + 1).bytes, "\(layer.name), row \(row)")
          #expect(
            gradientAlone.bytes == gradient.slice(row..<row + 1).bytes,
            "gradient of \(layer.name), row \(row)")
        }
      }
    }
    check(type)
  }

  @Test("any number of threads gives the same bits", arguments: precisions)
  func threads(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      for layer in SampleLayers.large() as [any Layer<Scalar>] {
        let serial = results(layer, batch: 21, workers: .serial)
        for threads in [2, 3, 8] {
          #expect(
            results(layer, batch: 21, workers: Workers(threads: threads)) == serial,
            "\(layer.name) on \(threads) threads")
        }
      }
    }
    check(type)
  }

  @Test("any number of threads gives the same bits of a whole training step")
  func threadsOfNetwork() {
    let results = [1, 2, 3, 8].map { trainingStep(Workers(threads: $0)) }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  @Test(
    "every instruction set gives the same bits",
    arguments: [CPL_LEVEL_PORTABLE, CPL_LEVEL_AVX2, CPL_LEVEL_AVX512].map(\.rawValue))
  func levels(level: UInt32) {
    let best = everything()
    let chosen = cpl_set_kernel_level(cpl_kernel_level(rawValue: level))
    defer { cpl_set_kernel_level(CPL_LEVEL_AVX512) }
    // A processor without the level runs the one below, which has a case of its own.
    #expect(chosen.rawValue <= level)
    #expect(everything() == best)
  }

  /// Everything that the kernels have a hand in.
  private func everything() -> [[UInt8]] {
    func layers<Scalar: TensorScalar>(_ type: Scalar.Type) -> [[UInt8]] {
      (SampleLayers.large() as [any Layer<Scalar>]).flatMap {
        results($0, batch: 3, workers: .serial)
      }
    }
    func adam<Scalar: TensorScalar>(_ type: Scalar.Type) -> [[UInt8]] {
      var parameters = Tensor<Scalar>.normal([517], stream: 80)
      var adam = Adam<Scalar>(shapes: [[517]])
      for step in 0..<3 {
        adam.beginStep()
        adam.update(
          &parameters, at: 0, gradient: .normal([517], stream: 81 + UInt32(step)),
          learningRate: 0.01, workers: .serial)
      }
      return [parameters.bytes, adam.firstMoments[0].bytes, adam.secondMoments[0].bytes]
    }
    return layers(Float.self) + layers(Double.self) + adam(Float.self) + adam(Double.self)
      + trainingStep(.serial)
  }

  /// A training step's loss, gradients and what it leaves in the network.
  private func trainingStep(_ workers: Workers) -> [[UInt8]] {
    let configuration = ModelRecipe(
      convolutionLayers: 2, channels: 6, linearLayers: 2, linearInner: 300, image: [3, 16, 16])
    var network = CPLNetwork<Float>(
      configuration.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 9)
    let (loss, images, gradients) = network.trainingGradient(
      images: .uniform([19, 3, 16, 16], stream: 82), labels: (0..<19).map { $0 % 10 },
      loss: MarginLoss(margin: 0.7), densePowerGradient: false, workers: workers)
    return [Tensor(shape: [1], elements: [loss]).bytes, images.bytes]
      + gradients.flatMap { $0.parameters.map(\.bytes) } + network.powerVectors.map(\.bytes)
      + network.stepSizes.map { Tensor(shape: [1], elements: [$0]).bytes }
  }
}
