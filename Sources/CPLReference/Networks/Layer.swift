// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A layer of a 1-Lipschitz network: a map between batches of images or feature vectors.
///
/// A layer is one file: its forward pass, its gradients with respect to input and parameters, and
/// its shape rule. Shapes exclude the batch, which is the outermost extent of every tensor. What a
/// layer computes for a batch is the same for any number of workers.
public protocol Layer<Scalar>: Sendable {
  /// The format that it computes in.
  associatedtype Scalar: TensorScalar

  /// What the layer keeps of a forward pass for its backward passes.
  associatedtype Cache: Sendable = NothingKept

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

  /// What the layer keeps from step to step beside its parameters, under their names in files, in a fixed
  /// order.
  var buffers: [(name: String, value: Tensor<Scalar>)] { get }

  /// Hands each parameter to `body`, in the order of `parameters`, to be changed in place.
  mutating func updateParameters(_ body: (_ index: Int, _ value: inout Tensor<Scalar>) -> Void)

  /// The same, where `workers` make what is executed of the parameters.
  mutating func updateParameters(
    workers: Workers, _ body: (_ index: Int, _ value: inout Tensor<Scalar>) -> Void)

  /// The layer applied to a batch, and what the backward passes will need of it.
  func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache)

  /// The gradient with respect to the input, given the one with respect to the output (vjp).
  ///
  /// - Precondition: `cache` was kept with `.masks` or `.everything`.
  func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar>

  /// The gradient with respect to the input, given the one with respect to the output, and the sums over
  /// the batch that `parameterGradient` takes, in the order of `BatchTree`.
  ///
  /// - Precondition: `cache` was kept with `.everything`.
  func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>)

  /// The gradient with respect to the parameters, given the sums over a whole batch.
  func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar>

  /// The layer whose numbers are executed: this one, or another whose parameters are derived from this one's.
  var executedLayer: any Layer<Scalar> { get }

  /// The same layer in another precision: every parameter, and whatever else is executed, converted.
  func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other>
}

extension Layer {
  public var buffers: [(name: String, value: Tensor<Scalar>)] { [] }
  public var executedLayer: any Layer<Scalar> { self }

  public mutating func updateParameters(
    workers: Workers, _ body: (_ index: Int, _ value: inout Tensor<Scalar>) -> Void
  ) {
    updateParameters(body)
  }

  /// The sums are the gradient.
  public func parameterGradient(_ sums: consuming LayerGradient<Scalar>) -> LayerGradient<Scalar> {
    sums
  }

  public func converted<Other: TensorScalar>(to type: Other.Type) -> any Layer<Other> {
    specification.value.makeLayer(
      name: name, parameters: parameters.map { $0.value.converted() },
      buffers: buffers.map { $0.value.converted() })
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

/// The cache of a layer whose backward pass needs none.
public struct NothingKept: Sendable {
  /// Nothing.
  public init() {}
}

/// What a layer of whatever kind kept of a forward pass: its `Cache`.
package struct ForwardCache: Sendable {
  private let content: any Sendable

  init(_ content: some Sendable) { self.content = content }

  /// What that layer kept.
  ///
  /// - Precondition: `layer` made it.
  func content<Kind: Layer>(of layer: Kind) -> Kind.Cache {
    guard let content = content as? Kind.Cache else {
      preconditionFailure("\(layer.name) did not keep this cache")
    }
    return content
  }
}

/// The passes of a layer whose kind is not known.
extension Layer {
  /// `forward`, with the cache as one of whatever kind.
  package func forward(
    _ input: consuming Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (output, cache) = forward(input, keeping: recording, workers: workers)
    return (output, ForwardCache(cache))
  }

  /// `inputGradient`.
  ///
  /// - Precondition: `cache` comes from this layer.
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, _ cache: ForwardCache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(outputGradient, from: cache.content(of: self), workers: workers)
  }

  /// `backward`.
  ///
  /// - Precondition: `cache` comes from this layer.
  package func backwardSums(
    _ outputGradient: consuming Tensor<Scalar>, _ cache: ForwardCache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    backward(outputGradient, from: cache.content(of: self), workers: workers)
  }

  /// `backward` and `parameterGradient`, one after the other.
  ///
  /// - Precondition: `cache` comes from this layer.
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, _ cache: ForwardCache, workers: Workers
  ) -> (input: Tensor<Scalar>, parameters: LayerGradient<Scalar>) {
    let (input, sums) = backwardSums(outputGradient, cache, workers: workers)
    return (input, parameterGradient(sums))
  }
}

/// The gradient of a loss with respect to one layer's parameters, or the sums of which it is made.
public struct LayerGradient<Scalar: TensorScalar>: Sendable {
  /// In the order of `Layer.parameters`.
  public var parameters: [Tensor<Scalar>]
  /// With respect to the numbers that the layer derives from its parameters (`DerivedWeightsLayer`), which
  /// `parameters` takes for constants: a convex potential layer's h.
  public var derived: [Scalar]

  /// A gradient, or sums, in the order of the layer's parameters.
  public init(parameters: [Tensor<Scalar>] = [], derived: [Scalar] = []) {
    self.parameters = parameters
    self.derived = derived
  }

  /// All numbers: `parameters`, then `derived`.
  package var tensors: [Tensor<Scalar>] {
    parameters + [Tensor(shape: [derived.count], elements: derived)]
  }

  /// The gradient of which these are the `tensors`.
  package init(tensors: [Tensor<Scalar>]) {
    self.init(parameters: tensors.dropLast(), derived: tensors[tensors.count - 1].elements)
  }

  /// Adds the gradient that other images of the batch give the same layer.
  package mutating func add(_ other: LayerGradient) {
    for (index, parameter) in other.parameters.enumerated() {
      parameters[index].add(parameter, scale: 1)
    }
    for (index, addition) in other.derived.enumerated() { derived[index] += addition }
  }
}

/// A layer without parameters.
public protocol ParameterFreeLayer: Layer {}

extension ParameterFreeLayer {
  public var parameters: [(name: String, value: Tensor<Scalar>)] { [] }

  public mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {}

  public func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    (inputGradient(outputGradient, from: cache, workers: workers), LayerGradient())
  }
}
