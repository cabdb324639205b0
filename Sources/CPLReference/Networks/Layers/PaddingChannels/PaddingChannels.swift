// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// How `PaddingChannels` fills the channels it adds.
public enum ChannelPadding: String, Codable, Sendable, CaseIterable {
  /// With zeros.
  case zero
  /// With copies of the image, all divided by the root of their number, so that norms are kept.
  case clone
}

/// An image of few channels as one of many. Lipschitz constant 1; for `clone` the number that is
/// divided by is a rounded root, see `cloneDivisor`.
package struct PaddingChannels<Scalar: TensorScalar>: ParameterFreeLayer {
  package let name: String
  package let padding: ChannelPadding
  /// The shape of the input.
  package let image: ImageShape
  /// The number of channels of the output; for `clone` a multiple of the image's.
  package let channels: Int

  package init(name: String, padding: ChannelPadding, image: ImageShape, channels: Int) {
    precondition(
      padding == .zero ? channels >= image.channels : channels % image.channels == 0,
      "clone padding repeats whole images")
    self.name = name
    self.padding = padding
    self.image = image
    self.channels = channels
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { padded.extents }
  private var padded: ImageShape { image.with(channels: channels) }

  package var specification: LayerSpecification {
    .padding(padding, image: image, channels: channels)
  }

  /// How many copies of the image `clone` makes.
  package var copies: Int { channels / image.channels }

  /// √(number of copies) as rounded in this precision: the number that is divided by.
  package var cloneDivisor: Scalar { Scalar(copies).squareRoot() }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    let (inputCount, outputCount) = (image.count, padded.count)
    let divisor = cloneDivisor
    let output = Tensor<Scalar>(shape: [batch] + outputShape) { output in
      input.withUnsafeElements { input in
        for image in 0..<batch {
          let source = input + image * inputCount
          let target = output + image * outputCount
          switch padding {
          case .zero:
            target.update(from: source, count: inputCount)
            (target + inputCount).update(repeating: 0, count: outputCount - inputCount)
          case .clone:
            for start in stride(from: 0, to: outputCount, by: inputCount) {
              for index in 0..<inputCount { target[start + index] = source[index] / divisor }
            }
          }
        }
      }
    }
    return (output, NothingKept())
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    let (inputCount, outputCount) = (image.count, padded.count)
    let divisor = cloneDivisor
    return Tensor(shape: [batch] + inputShape) { gradient in
      outputGradient.withUnsafeElements { outputGradient in
        for image in 0..<batch {
          let source = outputGradient + image * outputCount
          let target = gradient + image * inputCount
          target.update(from: source, count: inputCount)
          guard padding == .clone else { continue }
          for start in stride(from: inputCount, to: outputCount, by: inputCount) {
            for index in 0..<inputCount { target[index] += source[start + index] }
          }
          for index in 0..<inputCount { target[index] /= divisor }
        }
      }
    }
  }
}

extension PaddingChannels: FeatureLayer {}
