import CPLNumerics

/// What a layer is, without its parameters: what the attribute `model` of a weights file holds for
/// each layer.
public enum LayerSpecification: Codable, Equatable, Sendable {
  case normalize(mean: [Float], standardDeviation: [Float], side: Int)
  case padding(_ padding: ChannelPadding, inputChannels: Int, channels: Int, side: Int)
  case convolution(channels: Int, inner: Int, kernel: Int, side: Int, step: StepSize)
  case normPool(channels: Int, side: Int, window: Int)
  case flatten(inputShape: [Int])
  case linear(features: Int, inner: Int, step: StepSize)
  case lastLayerNormalised(features: Int, classes: Int)
  case poolingLinear(_ pooling: FeaturePooling, features: Int, classes: Int)
}

extension LayerSpecification {
  /// The kind's name in tables.
  public var kind: String {
    switch self {
    case .normalize: "normalize"
    case .padding: "padding"
    case .convolution: "convolution"
    case .normPool: "norm-pool"
    case .flatten: "flatten"
    case .linear: "linear"
    case .lastLayerNormalised: "last-layer-normalised"
    case .poolingLinear: "pooling-linear"
    }
  }

  /// The parameters' names and shapes, in the order of `Layer.parameters`.
  public var parameterShapes: [(name: String, shape: [Int])] {
    switch self {
    case .convolution(let channels, let inner, let kernel, _, _):
      [("kernel", [inner, channels, kernel, kernel]), ("bias", [inner])]
    case .linear(let features, let inner, _):
      [("weights", [inner, features]), ("bias", [inner])]
    case .lastLayerNormalised(let features, let classes):
      [("weight", [classes, features]), ("bias", [classes])]
    default: []
    }
  }

  /// The shape of the power method's u; `nil` for a layer that has none.
  public var powerVectorShape: [Int]? {
    switch self {
    case .convolution(let channels, _, _, let side, _): [channels, side, side]
    case .linear(let features, _, _): [features]
    default: nil
    }
  }

  /// The number of inputs of one unit, on which the initialisation depends; `nil` without
  /// parameters.
  var fanIn: Int? { parameterShapes.first.map { $0.shape.dropFirst().reduce(1, *) } }

  /// The layer with the given parameters, in the order of `parameterShapes`.
  ///
  /// - Precondition: the parameters, and u where there is one, have the shapes that the
  ///   specification states.
  func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], powerVector: Tensor<Scalar>?
  ) -> any Layer<Scalar> {
    switch self {
    case .normalize(let mean, let standardDeviation, let side):
      Normalize(name: name, mean: mean, standardDeviation: standardDeviation, side: side)
    case .padding(let padding, let inputChannels, let channels, let side):
      PaddingChannels(
        name: name, padding: padding, inputChannels: inputChannels, channels: channels, side: side)
    case .convolution(_, _, _, let side, let step):
      CPLConvolution(
        name: name, kernel: parameters[0], bias: parameters[1], imageSide: side,
        stepRule: step.rule, stepSize: Scalar(step.value), powerVector: powerVector!
      ).with(numerator: step.numerator)
    case .normPool(let channels, let side, let window):
      NormPool(name: name, channels: channels, side: side, window: window)
    case .flatten(let inputShape):
      Flatten(name: name, inputShape: inputShape)
    case .linear(_, _, let step):
      CPLLinear(
        name: name, weights: parameters[0], bias: parameters[1], stepRule: step.rule,
        stepSize: Scalar(step.value), powerVector: powerVector!
      ).with(numerator: step.numerator)
    case .lastLayerNormalised:
      LastLayerNormalised(name: name, weights: parameters[0], bias: parameters[1])
    case .poolingLinear(let pooling, let features, let classes):
      PoolingLinear(name: name, pooling: pooling, features: features, classes: classes)
    }
  }
}

extension ConvexPotentialLayer {
  /// The layer with c in h = c/(σ² + 1e-4).
  fileprivate func with(numerator: Float) -> Self {
    var layer = self
    layer.stepNumerator = Scalar(numerator)
    return layer
  }
}
