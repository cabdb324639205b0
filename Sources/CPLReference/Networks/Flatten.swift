import CPLNumerics

/// An image as a vector of features. Lipschitz constant 1.
public struct Flatten<Scalar: TensorScalar>: ParameterFreeLayer {
  public let name: String
  public let inputShape: [Int]

  public init(name: String, inputShape: [Int]) {
    self.name = name
    self.inputShape = inputShape
  }

  public var outputShape: [Int] { [inputShape.reduce(1, *)] }
  public var specification: LayerSpecification { .flatten(inputShape: inputShape) }

  public func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, record: LayerRecord<Scalar>) {
    let batch = input.shape[0]
    return (input.reshaped([batch] + outputShape), LayerRecord())
  }

  public func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    return outputGradient.reshaped([batch] + inputShape)
  }
}
