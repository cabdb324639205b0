// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The first channels, or the first features. Lipschitz constant 1: a projection.
package struct FirstChannels<Scalar: TensorScalar>: SelectingLayer {
  package let name: String
  /// The shape of one input.
  package let shape: [Int]
  /// How many channels, or features, are left.
  package let channels: Int

  package init(name: String, shape: [Int], channels: Int) {
    precondition(channels <= shape[0], "channels that there are")
    (self.name, self.shape, self.channels) = (name, shape, channels)
  }

  package var inputShape: [Int] { shape }
  package var outputShape: [Int] { [channels] + shape.dropFirst() }
  package var specification: LayerSpecification { .firstChannels(channels, of: shape) }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    let output = Tensor<Scalar>(shape: [batch] + outputShape) { output in
      input.withUnsafeElements { input in
        forEachImage(batch) { whole, part, count in
          (output + part).initialize(from: input + whole, count: count)
        }
      }
    }
    return (output, NothingKept())
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    var gradient = Tensor<Scalar>(shape: [batch] + inputShape)
    gradient.withUnsafeMutableElements { gradient in
      outputGradient.withUnsafeElements { outputGradient in
        forEachImage(batch) { whole, part, count in
          (gradient + whole).update(from: outputGradient + part, count: count)
        }
      }
    }
    return gradient
  }

  /// Where an image's channels begin, and those that are left of them, and how many numbers these are.
  private func forEachImage(_ batch: Int, _ body: (_ whole: Int, _ part: Int, _ count: Int) -> Void)
  {
    let (whole, part) = (inputShape.reduce(1, *), outputShape.reduce(1, *))
    for image in 0..<batch { body(image * whole, image * part, part) }
  }
}
