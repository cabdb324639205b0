import CPLDatasets
import CPLNumerics

/// What a layer is, without its parameters: what the attribute `model` of a weights file holds for
/// each layer.
public enum LayerSpecification: Equatable, Sendable {
  case normalize(mean: [Float], standardDeviation: [Float], image: ImageShape)
  case padding(_ padding: ChannelPadding, image: ImageShape, channels: Int)
  case convolution(image: ImageShape, inner: Int, kernel: Int, step: StepSize)
  case normPool(image: ImageShape, window: Int)
  case flatten(image: ImageShape)
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
    case .convolution(let image, let inner, let kernel, _):
      [("kernel", [inner, image.channels, kernel, kernel]), ("bias", [inner])]
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
    case .convolution(let image, _, _, _): image.extents
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
    case .normalize(let mean, let standardDeviation, let image):
      Normalize(name: name, mean: mean, standardDeviation: standardDeviation, image: image)
    case .padding(let padding, let image, let channels):
      PaddingChannels(name: name, padding: padding, image: image, channels: channels)
    case .convolution(let image, _, _, let step):
      CPLConvolution(
        name: name, kernel: parameters[0], bias: parameters[1], height: image.height,
        width: image.width, stepRule: step.rule, stepSize: Scalar(step.value),
        powerVector: powerVector!
      ).with(numerator: step.numerator)
    case .normPool(let image, let window):
      NormPool(name: name, image: image, window: window)
    case .flatten(let image):
      Flatten(name: name, image: image)
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
