import CPLReference

/// A verified network with one kind of certificate, which names the network that is executed: the
/// binary32 one for `published` and `lipschitz`, the binary64 one for `sound`.
public struct CertifiedNetwork: Sendable {
  /// The classes of images and the radii within which they cannot change.
  public typealias Certify =
    @Sendable (CertifiedNetwork, _ images: Tensor<Float>, Workers) throws -> (
      predictions: [Int], radii: [Double]
    )

  public let verified: VerifiedNetwork
  public let kind: CertificateKind
  /// The `sound` certificate, where that is the kind.
  let sound: SoundCertificate?

  /// A network with one kind of certificate.
  ///
  /// - Throws: `VerificationError` when a layer or the head lacks the bounds that the kind needs.
  public init(_ verified: VerifiedNetwork, _ kind: CertificateKind) throws {
    self.verified = verified
    self.kind = kind
    sound = kind == .sound ? try SoundCertificate(verified) : nil
  }

  /// For each image the class that the executed network computes, and the radius within which it
  /// cannot change if the certificate holds.
  public func certify(
    _ images: Tensor<Float>, workers: Workers
  ) throws -> (predictions: [Int], radii: [Double]) {
    if let sound {
      let (radii, logits) = sound.radii(images: images, workers: workers)
      return (logits.rowMaxima, radii)
    }
    let logits = verified.network.logits(images, workers: workers)
    return (logits.rowMaxima, try verified.radii(kind, logits))
  }

  /// For each image the class that the executed network computes.
  public func predictions(_ images: Tensor<Float>, workers: Workers) -> [Int] {
    sound?.network.logits(images.converted(), workers: workers).rowMaxima
      ?? verified.network.logits(images, workers: workers).rowMaxima
  }

  /// The Lipschitz constant that the certificates take the map before the head to have.
  var assumedLipschitz: Double {
    switch kind {
    case .published:
      Double(1 / (verified.network.standardDeviations.min() ?? 1))
    case .lipschitz, .sound: verified.bounds.lipschitzUpperBound
    }
  }
}

extension VerifiedNetwork {
  /// The radius of each image under a kind of certificate of the binary32 network, from its logits.
  ///
  /// - Throws: `VerificationError.invalid` for `sound`, which speaks of another network: see
  ///   `SoundCertificate` and `CertifiedNetwork`.
  public func radii(_ kind: CertificateKind, _ logits: Tensor<Float>) throws -> [Double] {
    switch kind {
    case .published:
      return try PublishedCertificate(network, profile: profile).radii(logits)
    case .lipschitz:
      return LipschitzCertificate(
        constants: try PairConstants(network), lipschitz: bounds.lipschitzUpperBound
      ).radii(logits)
    case .sound:
      throw VerificationError.invalid(
        what: "logits of a sound certificate", expected: "those of the binary64 network",
        found: "binary32 logits")
    }
  }

  /// The convex potential layers that are not proved to be 1-Lipschitz with their steps.
  public var excessLayers: [String] {
    bounds.layers.filter { $0.stepSize != nil && $0.lipschitzUpperBound > 1 }.map(\.name)
  }

  /// Why an image inside its certified ball has another class.
  ///
  /// A search ends next to a boundary, where rounding decides the class of any network. Rounding is
  /// the cause only when the class does not change in binary64 a little farther out either, as far
  /// as the certificate reaches.
  func cause(
    of adversarial: [Float], original: [Float], radius: Double, assumedLipschitz: Double,
    workers: Workers
  ) -> Violation.Cause {
    let ball = Ball(center: original[...], radius: radius)
    guard ball.contains(adversarial) else { return .budget }
    let distance = Ball.distance(adversarial, original)
    let reach = distance > 0 ? min(radius / distance, 1.001) : 1
    let points: [Double] = [0, 1, reach].flatMap { (share: Double) -> [Double] in
      original.indices.map { index in
        let (start, end) = (Double(original[index]), Double(adversarial[index]))
        return start + share * (end - start)
      }
    }
    let classes = network.converted(to: Double.self).logits(
      Tensor(shape: [3] + network.inputShape, elements: points), workers: workers
    ).rowMaxima
    if classes[1] == classes[0], classes[2] == classes[0] { return .rounding }
    return bounds.lipschitzUpperBound > assumedLipschitz ? .lipschitz : .certificate
  }
}
