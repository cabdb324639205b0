import CPLNumerics

/// The sum over disjoint s×s windows, divided by s: an average pooling that is scaled so that its
/// rows are orthonormal. Lipschitz constant 1.
public struct NormPool<Scalar: TensorScalar>: ParameterFreeLayer {
  public let name: String
  public let channels: Int
  /// The input image's side, a multiple of `window`.
  public let side: Int
  /// s, the window's side.
  public let window: Int

  public init(name: String, channels: Int, side: Int, window: Int) {
    precondition(window > 0 && side % window == 0, "windows tile the image")
    self.name = name
    self.channels = channels
    self.side = side
    self.window = window
  }

  public var inputShape: [Int] { [channels, side, side] }
  public var outputShape: [Int] { [channels, side / window, side / window] }

  public var specification: LayerSpecification {
    .normPool(channels: channels, side: side, window: window)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, record: LayerRecord<Scalar>) {
    let batch = input.shape[0]
    let output = Tensor<Scalar>(shape: [batch] + outputShape) { output in
      input.withUnsafeElements { input in
        forEachWindow(of: batch) { index, corner in
          var total: Scalar = 0
          for row in 0..<window {
            for column in 0..<window { total += input[corner + row * side + column] }
          }
          output[index] = total / Scalar(window)
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
    return Tensor(shape: [batch] + inputShape) { gradient in
      outputGradient.withUnsafeElements { outputGradient in
        forEachWindow(of: batch) { index, corner in
          let value = outputGradient[index] / Scalar(window)
          for row in 0..<window {
            for column in 0..<window { gradient[corner + row * side + column] = value }
          }
        }
      }
    }
  }

  /// For each output its index, and the index of its window's first pixel.
  @inline(__always)
  private func forEachWindow(of batch: Int, _ body: (_ index: Int, _ corner: Int) -> Void) {
    let outputSide = side / window
    for plane in 0..<batch * channels {
      for row in 0..<outputSide {
        for column in 0..<outputSide {
          body(
            (plane * outputSide + row) * outputSide + column,
            (plane * side + row * window) * side + column * window)
        }
      }
    }
  }
}
