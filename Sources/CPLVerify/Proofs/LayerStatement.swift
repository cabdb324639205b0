// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// A layer as a bundle states it: what it is, the numbers that are executed, and what is claimed of it.
struct LayerStatement: Encodable {
  let kind: String
  var name = ""
  var mean: [ExactNumber]?
  var deviation: [ExactNumber]?
  var channels: Int?
  var divisor: ExactNumber?
  var window: Int?
  var classes: Int?
  var factor: ExactNumber?
  var step: ExactNumber?
  var padding: ConvolutionPadding?
  var terms: Int?
  /// The names of the tensors.
  var weight: String?
  var bias: String?
  /// What is claimed: σ̄ of a layer with a W, and the Lipschitz constant of a layer before the head.
  var norm: ExactNumber?
  var lipschitz: ExactNumber?

  /// The tensors themselves, binary32 numbers as they are executed.
  var tensors: (weight: Tensor<Double>, bias: Tensor<Double>)?

  private enum CodingKeys: String, CodingKey {
    case kind, name, mean, deviation, channels, divisor, window, classes, factor, step, padding,
      terms, weight, bias, norm, lipschitz
  }

  init(_ kind: String) { self.kind = kind }
}

/// A layer that a bundle can state; a layer of a kind without this conformance is refused by name.
protocol ProvableLayer {
  /// What the layer is, without name and claims.
  var statement: LayerStatement { get }
}

extension Normalize: ProvableLayer {
  var statement: LayerStatement {
    var statement = LayerStatement("normalize")
    statement.mean = mean.map { ExactNumber($0) }
    statement.deviation = standardDeviation.map { ExactNumber($0) }
    return statement
  }
}

extension PaddingChannels: ProvableLayer where Scalar == Double {
  var statement: LayerStatement {
    var statement = LayerStatement(padding == .clone ? "clone-padding" : "zero-padding")
    statement.channels = channels
    if padding == .clone { statement.divisor = ExactNumber(cloneDivisor) }
    return statement
  }
}

extension CPLConvolution: ProvableLayer where Scalar == Double {
  var statement: LayerStatement {
    var statement = LayerStatement("convolution")
    statement.step = ExactNumber(stepSize)
    statement.tensors = (kernel, bias)
    return statement
  }
}

extension CPLLinear: ProvableLayer where Scalar == Double {
  var statement: LayerStatement {
    var statement = LayerStatement("dense")
    statement.step = ExactNumber(stepSize)
    statement.tensors = (weights, bias)
    return statement
  }
}

/// What is stated is the layer that is executed.
extension SLLLayer: ProvableLayer where Executed: ProvableLayer {
  var statement: LayerStatement { executed.statement }
}

/// A linear map that a bundle states by a matrix or a kernel.
protocol StatedProduct: AffineProduct where Scalar == Double {}

extension DenseProduct: StatedProduct where Scalar == Double {}
extension ConvolutionProduct: StatedProduct where Scalar == Double {}

extension StatedProduct {
  fileprivate func statement(adding bias: Tensor<Double>) -> LayerStatement {
    var statement = LayerStatement(inputShape.count == 1 ? "affine-dense" : "affine-convolution")
    statement.padding = (self as? ConvolutionProduct<Double>)?.padding
    statement.tensors = (weights, bias)
    return statement
  }
}

/// What is stated is P as it was rounded.
extension AOLLayer: ProvableLayer where Product: StatedProduct {
  var statement: LayerStatement { product.statement(adding: bias) }
}

/// What is stated is Q as it was rounded. No bundle has room for a transfer function: a circular convolution with more
/// than one tap is not stated.
extension CayleyLayer: ProvableLayer where Product: StatedProduct {
  var statement: LayerStatement { product.statement(adding: bias) }
}

/// What is stated is the skew kernel as it was rounded.
extension SOCConvolution: ProvableLayer where Scalar == Double {
  var statement: LayerStatement {
    var statement = LayerStatement("skew-convolution")
    statement.terms = terms
    statement.tensors = (kernel, bias)
    return statement
  }
}

extension MaxMin: ProvableLayer {
  var statement: LayerStatement { LayerStatement("max-min") }
}

extension MaxPool: ProvableLayer {
  var statement: LayerStatement {
    var statement = LayerStatement("max-pooling")
    statement.window = window
    return statement
  }
}

extension PixelUnshuffle: ProvableLayer {
  var statement: LayerStatement {
    var statement = LayerStatement("pixel-unshuffle")
    statement.window = window
    return statement
  }
}

extension FirstChannels: ProvableLayer {
  var statement: LayerStatement {
    var statement = LayerStatement("first-channels")
    statement.channels = outputShape[0]
    return statement
  }
}

extension NormPool: ProvableLayer {
  var statement: LayerStatement {
    var statement = LayerStatement("pooling")
    statement.window = window
    return statement
  }
}

extension Flatten: ProvableLayer {
  var statement: LayerStatement { LayerStatement("flatten") }
}

extension LastLayerNormalised: ProvableLayer where Scalar == Double {
  var statement: LayerStatement {
    var statement = LayerStatement("normalized-head")
    statement.tensors = (weights, bias)
    return statement
  }
}

extension PoolingLinear: ProvableLayer where Scalar == Double {
  var statement: LayerStatement {
    let kind =
      switch pooling {
      case .truncate: "first-features-head"
      case .mean: "mean-head"
      case .max: "maximum-head"
      }
    var statement = LayerStatement(kind)
    statement.classes = classes
    if pooling == .mean { statement.factor = ExactNumber(meanFactor) }
    return statement
  }
}
