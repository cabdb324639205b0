import CPLReference

/// A layer that knows an upper bound of its Lipschitz constant. A layer without this conformance
/// cannot be certified.
public protocol LipschitzBoundedLayer {
  /// A verified enclosure of ‖W‖₂, computed from the stored binary32 weights; nil for a layer
  /// without a linear map of its own.
  func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure?

  /// An upper bound of the layer's ℓ2 Lipschitz constant as a real map with the numbers that are
  /// executed.
  ///
  /// - Parameter spectralNorm: what `spectralNorm()` gave.
  func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double
}

extension LipschitzBoundedLayer {
  public func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? { nil }
}

extension Normalize: LipschitzBoundedLayer {
  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.normalization(standardDeviations: standardDeviation)
  }
}

extension PaddingChannels: LipschitzBoundedLayer {
  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    guard padding == .clone else { return 1 }
    return try LipschitzBound.clonePadding(
      copies: copies, divisor: Double(cloneDivisor))
  }
}

extension CPLConvolution: LipschitzBoundedLayer {
  public func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try VerifiedSpectralNorm.convolution(
      kernel: kernel.converted(), height: image.height, width: image.width)
  }

  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.convexPotentialLayer(
      stepSize: Float(stepSize),
      spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension CPLLinear: LipschitzBoundedLayer {
  public func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure? {
    try VerifiedSpectralNorm.dense(weights.converted())
  }

  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    try LipschitzBound.convexPotentialLayer(
      stepSize: Float(stepSize),
      spectralNormUpperBound: spectralNorm?.upperBound ?? .infinity)
  }
}

extension NormPool: LipschitzBoundedLayer {
  /// The windows are disjoint and a row has s² entries 1/s: the rows are orthonormal.
  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }
}

extension Flatten: LipschitzBoundedLayer {
  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }
}

extension PoolingLinear: LipschitzBoundedLayer {
  /// A selection of coordinates has norm 1; so has the largest of disjoint groups, each output of
  /// which moves by at most the largest move in its group.
  public func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    guard pooling == .mean else { return 1 }
    return try LipschitzBound.meanPooling(group: groupSize, factor: Double(meanFactor))
  }
}
