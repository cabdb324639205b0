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
public struct PaddingChannels<Scalar: TensorScalar>: ParameterFreeLayer {
  public let name: String
  public let padding: ChannelPadding
  /// The number of channels of the input.
  public let inputChannels: Int
  /// The number of channels of the output; for `clone` a multiple of `inputChannels`.
  public let channels: Int
  /// The image's side.
  public let side: Int

  public init(name: String, padding: ChannelPadding, inputChannels: Int, channels: Int, side: Int) {
    precondition(
      padding == .zero ? channels >= inputChannels : channels % inputChannels == 0,
      "clone padding repeats whole images")
    self.name = name
    self.padding = padding
    self.inputChannels = inputChannels
    self.channels = channels
    self.side = side
  }

  public var inputShape: [Int] { [inputChannels, side, side] }
  public var outputShape: [Int] { [channels, side, side] }

  public var specification: LayerSpecification {
    .padding(padding, inputChannels: inputChannels, channels: channels, side: side)
  }

  /// √(number of copies) as rounded in this precision: the number that is divided by.
  public var cloneDivisor: Scalar { Scalar(channels / inputChannels).squareRoot() }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, record: LayerRecord<Scalar>) {
    let batch = input.shape[0]
    let (inputCount, outputCount) = (inputChannels * side * side, channels * side * side)
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
    return (output, LayerRecord())
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    let (inputCount, outputCount) = (inputChannels * side * side, channels * side * side)
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
