import CPLReference

extension VerifiedNetwork {
  /// The radius of each image under one kind of certificate, from this network's logits.
  public func radii(_ kind: CertificateKind, _ logits: Tensor<Float>) throws -> [Double] {
    switch kind {
    case .published:
      PublishedCertificate(network, ignoresTies: profile.nanTie).radii(logits)
    case .lipschitz, .sound:
      LipschitzCertificate(
        constants: try PairConstants(network), lipschitz: bounds.lipschitzUpperBound
      ).radii(logits)
    }
  }

  /// The Lipschitz constant that a kind of certificate takes the map before the head to have.
  func assumedLipschitz(_ kind: CertificateKind) -> Double {
    switch kind {
    case .published: Double(1 / (network.normalization.standardDeviation.min() ?? 1))
    case .lipschitz, .sound: bounds.lipschitzUpperBound
    }
  }

  /// The convex potential layers that are not proved to be 1-Lipschitz with their steps.
  public var excessLayers: [String] {
    bounds.layers.filter { $0.stepSize != nil && $0.lipschitzUpperBound > 1 }.map(\.name)
  }

  /// Why an image inside its certified ball has another class.
  func cause(
    of adversarial: [Float], original: [Float], prediction: Int, radius: Double,
    assumedLipschitz: Double, workers: Workers
  ) -> Violation.Cause {
    let ball = Ball(center: original[...], radius: radius)
    guard ball.contains(adversarial) else { return .budget }
    let images = Tensor(shape: [2] + network.inputShape, elements: original + adversarial)
    let exact = network.converted(to: Double.self).logits(images.converted(), workers: workers)
    if exact.rowMaxima[1] == exact.rowMaxima[0] { return .rounding }
    return bounds.lipschitzUpperBound > assumedLipschitz ? .lipschitz : .certificate
  }
}
