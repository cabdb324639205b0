import CPLNumerics

/// A layer of a 1-Lipschitz network: a map between batches of images or feature vectors.
///
/// A layer is one file: its forward pass, its gradients with respect to input and parameters, and
/// its shape rule. Shapes exclude the batch, which is the outermost extent of every tensor. What a
/// layer computes for a batch is the same for any number of workers.
public protocol Layer<Scalar>: Sendable {
  associatedtype Scalar: TensorScalar

  /// The layer's name in files and tables, such as "convolution.3".
  var name: String { get }

  /// What the layer is, without its parameters.
  var specification: LayerSpecification { get }

  /// The shape of one input.
  var inputShape: [Int] { get }

  /// The shape of one output.
  var outputShape: [Int] { get }

  /// The trained parameters under their names in files, in a fixed order.
  var parameters: [(name: String, value: Tensor<Scalar>)] { get }

  /// Hands each parameter to `body`, in the order of `parameters`, to be changed in place.
  mutating func updateParameters(_ body: (_ index: Int, _ value: inout Tensor<Scalar>) -> Void)

  /// The layer applied to a batch, and what the backward passes will need of it.
  func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, record: LayerRecord<Scalar>)

  /// The gradient with respect to the input, given the one with respect to the output.
  ///
  /// - Precondition: `record` was recorded with `.masks` or `.everything`.
  func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> Tensor<Scalar>

  /// The gradients with respect to input and parameters, given the one with respect to the output.
  ///
  /// - Precondition: `record` was recorded with `.everything`.
  func backward(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>)

  /// The same layer in another precision: every parameter, u and h converted.
  func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other>
}

extension Layer {
  public func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    specification.makeLayer(
      name: name, parameters: parameters.map { $0.value.converted() },
      powerVector: (self as? any ConvexPotentialLayer<Scalar>)?.powerVector.converted())
  }
}

/// How much of a forward pass is kept.
public enum Recording: Sendable {
  /// Nothing: the forward pass alone.
  case nothing
  /// What the gradient with respect to the input needs.
  case masks
  /// What the gradients with respect to the parameters need too.
  case everything
}

/// What a layer keeps of a forward pass for its backward pass.
public struct LayerRecord<Scalar: TensorScalar>: Sendable {
  /// The layer's input.
  public var input: Tensor<Scalar>?
  /// The hidden activations after the ReLU; positive where the ReLU is active.
  public var hidden: Tensor<Scalar>?
  /// Where a convolution's hidden activations are positive, one bit each.
  var mask: [UInt8] = []
  /// For each output the position in the input that it was chosen from.
  public var selection: [Int] = []

  public init() {}
}

/// The gradient of a loss with respect to one layer's parameters.
public struct LayerGradient<Scalar: TensorScalar>: Sendable {
  /// In the order of `Layer.parameters`.
  public var parameters: [Tensor<Scalar>]
  /// With respect to a convex potential layer's step h; `nil` for other layers.
  public var step: Scalar?

  public init(parameters: [Tensor<Scalar>] = [], step: Scalar? = nil) {
    self.parameters = parameters
    self.step = step
  }

  /// Adds the gradient that other images of the batch give the same layer.
  mutating func add(_ other: LayerGradient) {
    for (index, parameter) in other.parameters.enumerated() {
      parameters[index].add(parameter, scale: 1)
    }
    if let addition = other.step { step! += addition }
  }
}

/// A layer without parameters.
package protocol ParameterFreeLayer: Layer {}

extension ParameterFreeLayer {
  public var parameters: [(name: String, value: Tensor<Scalar>)] { [] }

  public mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {}

  public func backward(
    _ outputGradient: consuming Tensor<Scalar>, _ record: LayerRecord<Scalar>, workers: Workers
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    (inputGradient(outputGradient, record, workers: workers), LayerGradient())
  }
}
