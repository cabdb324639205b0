import CPLReference

/// What is proved of one layer, and beside it what the model believes.
public struct LayerBounds: Sendable {
  public let name: String
  public let kind: String
  /// The verified enclosure of ‖W‖₂; nil for a layer without a linear map of its own.
  public let spectralNorm: SpectralNormEnclosure?
  /// σ̂ after the 100 power iterations of an evaluation, from the stored u.
  public let modelEstimate: Double?
  /// σ̂ after 100 power iterations from a fresh u.
  public let freshEstimate: Double?
  /// h, the binary32 number that the forward pass multiplies by.
  public let stepSize: Float?
  /// Where h comes from.
  public let stepRule: StepRule?
  /// An upper bound of the layer's Lipschitz constant with that h.
  public let lipschitzUpperBound: Double
}

/// What is proved of a network's map from images to the features before its head.
public struct NetworkBounds: Sendable {
  /// The layers before the head.
  public let layers: [LayerBounds]
  /// L̄, an upper bound of the Lipschitz constant of that map: the product of the layers' bounds,
  /// rounded up.
  public let lipschitzUpperBound: Double

  /// What the published pipeline takes L̄ for: the bounds of the layers without a step, every convex
  /// potential layer counted as 1-Lipschitz whatever its step is. Proves nothing.
  public var modelClaim: Double {
    layers.filter { $0.stepSize == nil }.reduce(1) { $0 * $1.lipschitzUpperBound }
  }
}

/// A network with the steps of a profile, and the bounds that hold for exactly these steps.
public struct VerifiedNetwork: Sendable {
  /// The network as it is executed in binary32.
  public let network: CPLNetwork<Float>
  public let bounds: NetworkBounds
  public let profile: Profile

  /// Bounds a network's layers and sets its steps.
  ///
  /// Under the quirk `sigma-lower-bound` h = 2/(σ̂² + 1e-4) with σ̂ after 100 power iterations from
  /// the stored u; otherwise h comes from the verified bound, and every convex potential layer is
  /// 1-Lipschitz by construction. Under `stale-sigma` as well, a step from the power method that is
  /// stored with the weights is used as it is. A layer whose step is fixed keeps it under all.
  ///
  /// - Parameter progress: called as each layer is done, with how many are; from any thread.
  /// - Throws: `VerificationError` when a weight is not finite or an enclosure is not found.
  ///   Complexity: a Cholesky factorisation a layer.
  public init(
    _ stored: CPLNetwork<Float>, profile: Profile, workers: Workers,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void
  ) throws {
    var network = stored
    var layers: [LayerBounds] = []
    let body = stored.layers.dropLast()
    let done = Counter()
    let measured = workers.map(body.count) { index in
      let result = Result { () throws(VerificationError) in try Measured(stored.layers[index]) }
      progress(done.next(), body.count)
      return result
    }
    for (index, result) in measured.enumerated() {
      let measured = try result.get()
      try measured.setStep(of: &network, at: index, profile: profile)
      layers.append(try measured.bounds(of: network.layers[index]))
    }
    self.network = network
    self.profile = profile
    bounds = NetworkBounds(
      layers: layers,
      lipschitzUpperBound: try LipschitzBound.composition(layers.map(\.lipschitzUpperBound)))
  }
}

/// What a layer's weights tell, before its step is known.
private struct Measured: Sendable {
  let spectralNorm: SpectralNormEnclosure?
  let model: PowerMethod<Float>?
  let fresh: PowerMethod<Float>?

  init(_ layer: any Layer<Float>) throws(VerificationError) {
    spectralNorm = try layer.bounded.spectralNorm()
    guard let layer = layer as? any ConvexPotentialLayer<Float> else {
      (model, fresh) = (nil, nil)
      return
    }
    let iterations = CPLNetwork<Float>.evaluationIterations
    model = PowerMethod(layer.linearMap, from: layer.powerVector, iterations: iterations)
    fresh = PowerMethod(
      layer.linearMap,
      from: CPLNetwork.randomUnitVector(shape: layer.powerVector.shape, seed: 0, stream: 0),
      iterations: iterations)
  }

  func setStep(
    of network: inout CPLNetwork<Float>, at index: Int, profile: Profile
  ) throws(VerificationError) {
    guard let spectralNorm, let model, network[convexPotential: index].stepRule != .fixed else {
      return
    }
    let stored = network[convexPotential: index]
    if profile.sigmaLowerBound, profile.staleSigma, stored.stepRule == .power, stored.stepSize > 0 {
      return
    }
    if profile.sigmaLowerBound {
      network[convexPotential: index].stepRule = .power
      network[convexPotential: index].stepSize = StepSize.fromEstimate(
        model.estimate, numerator: stored.stepNumerator)
    } else {
      network[convexPotential: index].stepRule = .verified
      network[convexPotential: index].stepSize = try LipschitzBound.verifiedStep(
        spectralNormUpperBound: spectralNorm.upperBound,
        numerator: Double(stored.stepNumerator))
    }
  }

  func bounds(of layer: any Layer<Float>) throws(VerificationError) -> LayerBounds {
    let convex = layer as? any ConvexPotentialLayer<Float>
    return LayerBounds(
      name: layer.name, kind: layer.specification.kind, spectralNorm: spectralNorm,
      modelEstimate: model.map { Double($0.estimate) },
      freshEstimate: fresh.map { Double($0.estimate) }, stepSize: convex?.stepSize,
      stepRule: convex?.stepRule,
      lipschitzUpperBound: try layer.bounded.lipschitzUpperBound(spectralNorm))
  }
}

extension Layer {
  /// The layer as one that knows its Lipschitz constant.
  var bounded: any LipschitzBoundedLayer {
    get throws(VerificationError) {
      guard let bounded = self as? any LipschitzBoundedLayer else {
        throw .invalid(
          what: "layer \(name)", expected: "a layer with a Lipschitz bound",
          found: specification.kind)
      }
      return bounded
    }
  }
}
