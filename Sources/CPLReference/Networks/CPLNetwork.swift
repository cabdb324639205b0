// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// A 1-Lipschitz network: layers applied one after the other.
///
/// The network is a value. Evaluating or attacking it cannot change it.
public struct CPLNetwork<Scalar: TensorScalar>: Sendable {
  /// The layers, first applied first. The last one is the head.
  public var layers: [any Layer<Scalar>] {
    didSet { place = nil }
  }
  /// What computes its passes; nil for the CPU.
  var place: PlacedNetwork<Scalar>?

  /// The network of the given layers.
  ///
  /// - Precondition: each layer's input has the shape of the output before it.
  public init(layers: [any Layer<Scalar>]) {
    for (first, second) in zip(layers, layers.dropFirst()) {
      precondition(
        first.outputShape == second.inputShape,
        "\(second.name) takes \(second.inputShape) and is given \(first.outputShape)")
    }
    self.layers = layers
  }

  /// The shape of one image.
  public var inputShape: [Int] { layers[0].inputShape }

  /// The images that the network takes.
  ///
  /// - Precondition: it takes images, as every network that was read or configured does.
  public var image: ImageShape {
    guard let image = ImageShape(extents: inputShape) else {
      preconditionFailure("a network takes images")
    }
    return image
  }

  /// The number of classes.
  public var classes: Int { layers[layers.count - 1].outputShape[0] }

  /// The number of trained parameters.
  public var parameterCount: Int {
    layers.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.value.count } }
  }

  /// The positions of the convex potential layers with a step of their own.
  package var steppedLayers: [Int] {
    layers.indices.filter { layers[$0] is any SteppedLayer<Scalar> }
  }

  /// The layer at a position that `steppedLayers` names.
  package subscript(stepped index: Int) -> any SteppedLayer<Scalar> {
    get {
      guard let layer = layers[index] as? any SteppedLayer<Scalar> else {
        preconditionFailure("\(layers[index].name) has no step")
      }
      return layer
    }
    set { layers[index] = newValue }
  }

  /// The logits, N×classes, of images N×C×H×W in [0, 1].
  public func logits(_ images: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    record(images, recording: .nothing, workers: workers).logits
  }

  /// The features φ, N×d, on which the head works.
  public func features(_ images: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    layers.dropLast().reduce(images) {
      $1.forward($0, recording: .nothing, workers: workers).output
    }
  }
}

extension CPLNetwork {
  /// The last layer.
  ///
  /// - Precondition: the network ends in a head, as every network that was read or configured does.
  package var head: any ClassificationHead<Scalar> {
    guard let head = layers.last as? any ClassificationHead<Scalar> else {
      preconditionFailure("a classifier ends in a head")
    }
    return head
  }

  /// The first layer.
  ///
  /// - Precondition: the network begins with one, as every network that was read or configured does.
  package var normalization: Normalize<Scalar> {
    guard let first = layers.first as? Normalize<Scalar> else {
      preconditionFailure("a network begins by normalising its images")
    }
    return first
  }

  /// What the first layer divides by, one number a channel; empty where it does not normalise.
  package var standardDeviations: [Float] {
    (layers.first?.specification.value as? NormalizeKind)?.standardDeviation ?? []
  }
}
