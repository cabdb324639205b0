import CPLBounds
import CPLReference

/// A layer that knows how much its rounding can change its output. A layer without this conformance
/// has no `sound` certificate.
public protocol ForwardErrorBoundedLayer {
  /// ‖F̃(y) − F(y)‖₂ ≤ the result for every y of the layer's precision with ‖y‖₂ ≤ `norm`, F̃ the
  /// layer as it is executed, F the real map with the same constants.
  ///
  /// - Parameter spectralNorm: the enclosure of ‖W‖₂ of a layer that has a W.
  /// - Throws: `notFinite` when the evaluation might overflow.
  func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double
}

/// A head that knows how much its rounding can change each logit.
public protocol LogitErrorBoundedHead {
  /// For each class an upper bound of the logit's rounding error, for every y of the head's
  /// precision with ‖y‖₂ ≤ `norm`.
  ///
  /// - Throws: `notFinite` when the evaluation might overflow.
  func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double]
}

extension Normalize: ForwardErrorBoundedLayer {
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try ForwardErrorBound.normalization(
      norm: norm,
      meanNorm: Rounding.up.product(
        EuclideanNorm.upperBound(mean.map { Double($0) }), image.planeNormUpperBound),
      lipschitz: lipschitzUpperBound(spectralNorm), elements: image.count,
      in: BinaryFormat(Scalar.self))
  }
}

extension PaddingChannels: ForwardErrorBoundedLayer {
  /// Zeros and copies are exact; clones are rounded once, by the division.
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    guard padding == .clone else { return 0 }
    return try ForwardErrorBound.elementwise(
      roundings: 1, norm: Rounding.up.product(lipschitzUpperBound(spectralNorm), norm),
      elements: outputShape.reduce(1, *), in: BinaryFormat(Scalar.self))
  }
}

extension CPLConvolution: ForwardErrorBoundedLayer {
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    let products = try products(spectralNormUpperBound: spectralNormUpperBound)
    // A bias stands at every pixel of its plane.
    return try ForwardErrorBound.convexPotentialLayer(
      norm: norm, stepSize: Double(stepSize), spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: Rounding.up.product(bias.normUpperBound, image.planeNormUpperBound),
      positiveBiasNorm: Rounding.up.product(
        bias.positivePartNormUpperBound, image.planeNormUpperBound),
      analysis: products.forward, synthesis: products.transposed, in: BinaryFormat(Scalar.self))
  }

  /// How T y and Tᵀv are computed: `CPLKernels.h` says when it is by Winograd's algorithm.
  private func products(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> (forward: any RoundedProduct, transposed: any RoundedProduct) {
    if Scalar.self == Float.self, kernel.shape[2] == 3, image.height >= 4 {
      let map = ZeroPaddedConvolution(
        kernel: kernel.elements.map { Double($0) }, outputs: kernel.shape[0],
        inputs: kernel.shape[1], kernelSide: 3, height: image.height, width: image.width)
      return (try WinogradSums(map), try WinogradSums(map.transposed))
    }
    let sums = FusedSums.convolution(
      kernel: kernel, pixels: image.planeCount, spectralNormUpperBound: spectralNormUpperBound)
    return (sums.forward, sums.transposed)
  }
}

extension CPLLinear: ForwardErrorBoundedLayer {
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    let spectralNormUpperBound = spectralNorm?.upperBound ?? .infinity
    return try ForwardErrorBound.convexPotentialLayer(
      norm: norm, stepSize: Double(stepSize), spectralNormUpperBound: spectralNormUpperBound,
      biasNorm: bias.normUpperBound, positiveBiasNorm: bias.positivePartNormUpperBound,
      analysis: FusedSums.dense(
        inputs: features, outputs: inner, spectralNormUpperBound: spectralNormUpperBound),
      synthesis: FusedSums.dense(
        inputs: inner, outputs: features, spectralNormUpperBound: spectralNormUpperBound),
      in: BinaryFormat(Scalar.self))
  }
}

extension NormPool: ForwardErrorBoundedLayer {
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try ForwardErrorBound.normPool(
      norm: norm, window: window, elements: outputShape.reduce(1, *),
      in: BinaryFormat(Scalar.self))
  }
}

extension Flatten: ForwardErrorBoundedLayer {
  public func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 0 }
}

extension LastLayerNormalised: LogitErrorBoundedHead {
  /// The rows q_i are the ones that are executed; their own rounding is no error.
  public func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double] {
    var bounds: [Double] = []
    for index in 0..<classes {
      let row = normalized.rows.elements[index * features..<(index + 1) * features]
      bounds.append(
        try ForwardErrorBound.logit(
          norm: norm, rowNorm: EuclideanNorm.upperBound(row.map { Double($0) }),
          bias: Double(bias.elements[index]), features: features, in: BinaryFormat(Scalar.self)))
    }
    return bounds
  }
}

extension PoolingLinear: LogitErrorBoundedHead {
  /// A choice of features is exact.
  public func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double] {
    guard pooling == .mean else { return Array(repeating: 0, count: classes) }
    let bound = try ForwardErrorBound.meanLogit(
      norm: norm, lipschitz: lipschitzUpperBound(nil), factor: Double(meanFactor),
      group: groupSize, in: BinaryFormat(Scalar.self))
    return Array(repeating: bound, count: classes)
  }
}

extension ImageShape {
  /// √(HW) ≤ the result: the norm of a plane of ones.
  fileprivate var planeNormUpperBound: Double { Rounding.up.squareRoot(Double(planeCount)) }
}

extension Tensor {
  /// ‖x‖₂ ≤ the result.
  package var normUpperBound: Double { EuclideanNorm.upperBound(elements.map { Double($0) }) }

  /// ‖relu(x)‖₂ ≤ the result.
  fileprivate var positivePartNormUpperBound: Double {
    EuclideanNorm.upperBound(elements.map { max(0, Double($0)) })
  }
}
