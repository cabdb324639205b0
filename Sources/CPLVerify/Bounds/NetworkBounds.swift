// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// What is proved of one layer, and beside it what the model believes.
public struct LayerBounds: Sendable {
  /// The layer's name in files and tables.
  public let name: String
  /// The name of its kind.
  public let kind: String
  /// The verified enclosure of ‖W‖₂; nil for a layer without a linear map of its own.
  public let spectralNorm: SpectralNormEnclosure?
  /// σ̂ after the 100 power iterations of an evaluation, from the stored u.
  package let modelEstimate: Double?
  /// σ̂ after 100 power iterations from a fresh u.
  package let freshEstimate: Double?
  /// h, the binary32 number that the forward pass multiplies by.
  public let stepSize: Float?
  /// Where h comes from.
  package let stepRule: StepRule?
  /// An upper bound of the layer's Lipschitz constant with that h.
  public let lipschitzUpperBound: Double

  package init(
    name: String, kind: String, spectralNorm: SpectralNormEnclosure?,
    modelEstimate: Double?, freshEstimate: Double?, stepSize: Float?, stepRule: StepRule?,
    lipschitzUpperBound: Double
  ) {
    self.name = name
    self.kind = kind
    self.spectralNorm = spectralNorm
    self.modelEstimate = modelEstimate
    self.freshEstimate = freshEstimate
    self.stepSize = stepSize
    self.stepRule = stepRule
    self.lipschitzUpperBound = lipschitzUpperBound
  }
}

/// What is proved of a network's map from images to the features before its head.
public struct NetworkBounds: Sendable {
  /// The layers before the head.
  public let layers: [LayerBounds]
  /// L̄, an upper bound of the Lipschitz constant of that map: the product of the layers' bounds,
  /// rounded up.
  public let lipschitzUpperBound: Double

  package init(layers: [LayerBounds], lipschitzUpperBound: Double) {
    self.layers = layers
    self.lipschitzUpperBound = lipschitzUpperBound
  }

  /// What the published pipeline takes L̄ for: the bounds of the layers without weights, every other layer counted
  /// as 1-Lipschitz whatever its numbers are. Proves nothing.
  package var modelClaim: Double {
    layers.filter { $0.stepSize == nil && $0.spectralNorm == nil }.reduce(1) {
      $0 * $1.lipschitzUpperBound
    }
  }
}

extension NetworkBounds {
  /// Of each convolution whose norm was not enclosed to 1e-6 what its upper bound is instead, and how
  /// much looser that can be, a sentence each.
  package var loosenings: [String] {
    layers.compactMap { layer in
      guard let norm = layer.spectralNorm, norm.method == .torus else { return nil }
      let percent = Rounding.up.float(Rounding.up.product(100, norm.relativeWidth))
      return "\(layer.name): the factorisation of its Gram matrix would take more than "
        + "\(VerifiedSpectralNorm.bandLimit >> 30) GiB; its upper bound is that of a torus, which is at "
        + "most \(percent) % above ‖W‖₂"
    }
  }
}

/// Which step h each convex potential layer is judged with.
public enum StepPolicy: String, Codable, CaseIterable, Sendable {
  /// The step that the file holds. Where it holds none, that of 100 power iterations from the stored
  /// u, as the published code makes it when it evaluates.
  case shipped
  /// c/(σ̄² + 1e-4) rounded down, σ̄ a verified bound: every layer is 1-Lipschitz by construction
  /// for c ≤ 2.
  case verified
  /// c/(σ̂² + 1e-4), σ̂ after 100 power iterations from the stored u.
  case power
  /// As the published code evaluates: a step from the power method that is stored is used as it is,
  /// every other is made by 100 power iterations.
  case published
}

extension Profile {
  /// The steps that judging under the profile takes.
  package var steps: StepPolicy {
    guard sigmaLowerBound else { return .verified }
    return staleSigma ? .published : .power
  }
}

/// A network with the steps that it is judged with, and the bounds that hold for exactly these steps.
public struct VerifiedNetwork: Sendable {
  /// The network as it is executed in binary32.
  public let network: CPLNetwork<Float>
  /// The network as it came, with the steps that `StepPolicy.shipped` gives it.
  package let shipped: CPLNetwork<Float>
  /// What is proved of `network`.
  public let bounds: NetworkBounds
  package let profile: Profile
  /// Where its steps come from.
  public let steps: StepPolicy
  /// The layers that came without a step.
  package let layersWithoutStep: [String]

  /// The layers whose executed step is not the one that they came with, and by what share the two
  /// differ.
  package var replacedSteps: [(layer: String, change: Double)] {
    network.steppedLayers.compactMap { position in
      let (now, before) = (
        network[stepped: position].stepSize, shipped[stepped: position].stepSize
      )
      return now == before
        ? nil : (network.layers[position].name, Double(now) / Double(before) - 1)
    }
  }

  /// The convex potential layers that are not proved to be 1-Lipschitz with their steps.
  public var excessLayers: [String] {
    bounds.layers.filter { $0.spectralNorm != nil && $0.lipschitzUpperBound > 1 }.map(\.name)
  }

  /// Bounds a network's layers and sets its steps. A layer whose step is fixed keeps it, whatever the
  /// policy.
  ///
  /// - Parameters:
  ///   - profile: whose quirks the `published` certificates reproduce.
  ///   - origin: the network as it came, where that is another than `stored`.
  ///   - steps: which steps are executed; those of the profile where nil.
  ///   - progress: called as each layer is done, with how many are; from any thread.
  /// - Throws: `VerificationError` when a weight is not finite or an enclosure is not found.
  ///   Complexity: a Cholesky factorisation a layer.
  public init(
    _ stored: CPLNetwork<Float>, shipped origin: CPLNetwork<Float>? = nil, profile: Profile,
    steps: StepPolicy? = nil, workers: Workers,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void
  ) throws {
    let steps = steps ?? profile.steps
    var network = stored
    var shipped = origin ?? stored
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
      try measured.setStep(of: &shipped, at: index, .shipped)
      try measured.setStep(of: &network, at: index, steps)
      layers.append(try measured.bounds(of: network.layers[index]))
    }
    self.network = network
    self.shipped = shipped
    self.profile = profile
    self.steps = steps
    layersWithoutStep = (origin ?? stored).layersWithoutStep
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
    guard let layer = layer as? any SteppedLayer<Float> else {
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
    of network: inout CPLNetwork<Float>, at index: Int, _ steps: StepPolicy
  ) throws(VerificationError) {
    guard let spectralNorm, let model, network[stepped: index].stepRule != .fixed else {
      return
    }
    let stored = network[stepped: index]
    switch steps {
    case .shipped where stored.hasStep: return
    case .published where stored.hasStep && stored.stepRule == .power: return
    case .shipped, .published, .power:
      network[stepped: index].stepRule = .power
      network[stepped: index].stepSize = StepSize.fromEstimate(
        model.estimate, numerator: stored.stepNumerator,
        regularization: stored.stepRegularization)
    case .verified:
      network[stepped: index].stepRule = .verified
      network[stepped: index].stepSize = try LipschitzBound.verifiedStep(
        spectralNormUpperBound: spectralNorm.upperBound,
        numerator: Double(stored.stepNumerator), regularization: stored.stepRegularization)
    }
  }

  func bounds(of layer: any Layer<Float>) throws(VerificationError) -> LayerBounds {
    let convex = layer as? any SteppedLayer<Float>
    return LayerBounds(
      name: layer.name, kind: layer.specification.kind, spectralNorm: spectralNorm,
      modelEstimate: model.map { Double($0.estimate) },
      freshEstimate: fresh.map { Double($0.estimate) }, stepSize: convex?.stepSize,
      stepRule: convex?.stepRule,
      lipschitzUpperBound: try layer.bounded.lipschitzUpperBound(spectralNorm))
  }
}

extension CPLNetwork<Float> {
  /// The names of the layers whose step is not known.
  fileprivate var layersWithoutStep: [String] {
    steppedLayers.filter { !self[stepped: $0].hasStep }.map { layers[$0].name }
  }

  /// The network with the steps that the published code makes of the σ̂ that came with it; those of
  /// other layers stay.
  package func withSteps(of published: PublishedState?) -> CPLNetwork {
    var network = self
    for position in steppedLayers where self[stepped: position].stepRule != .fixed {
      guard let estimate = published?.spectralNorms[layers[position].name], estimate > 0 else {
        continue
      }
      network[stepped: position].stepRule = .power
      network[stepped: position].stepSize = StepSize.fromEstimate(
        estimate, numerator: self[stepped: position].stepNumerator,
        regularization: self[stepped: position].stepRegularization)
    }
    return network
  }
}

extension SteppedLayer {
  /// Whether the layer came with a step: a power method that never ran leaves 0.
  fileprivate var hasStep: Bool { stepRule != .power || stepSize > 0 }
}
