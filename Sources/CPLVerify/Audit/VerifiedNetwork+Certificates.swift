import CPLAttacks
import CPLBounds
import CPLCertificates
import CPLReference

/// A verified network with one kind of certificate, which names the network that is executed: the
/// binary32 one for `published`, the binary64 one for `sound`. Of `lipschitz`, which speaks of real
/// arithmetic, it is the binary64 one, with what its rounding may do to margins.
public struct CertifiedNetwork: Sendable {
  /// The classes of images and the radii within which they cannot change.
  public typealias Certify =
    @Sendable (CertifiedNetwork, _ images: Tensor<Float>, Workers) throws -> (
      predictions: [Int], radii: [Double]
    )

  public let verified: VerifiedNetwork
  public let kind: CertificateKind
  /// The evaluation in binary64 with its bounds, where the kind speaks of that.
  let binary64: SoundCertificate?

  /// A network with one kind of certificate.
  ///
  /// - Throws: `VerificationError` when a layer or the head lacks the bounds that the kind needs.
  public init(_ verified: VerifiedNetwork, _ kind: CertificateKind) throws {
    self.verified = verified
    self.kind = kind
    binary64 = kind.isOfBinary64 ? try SoundCertificate(verified) : nil
  }

  /// For each image the class that the executed network computes, and the radius within which it
  /// cannot change if the certificate holds.
  public func certify(
    _ images: Tensor<Float>, workers: Workers
  ) throws -> (predictions: [Int], radii: [Double]) {
    if let binary64 {
      let logits = binary64.network.logits(images.converted(), workers: workers)
      return (logits.rowMaxima, binary64.radii(kind, of: images, logits))
    }
    let logits = verified.network.logits(images, workers: workers)
    return (logits.rowMaxima, try verified.publishedRadii(logits))
  }

  /// For each image whether its class is another than a given one in the network that the certificate
  /// speaks of. Logits that are not finite are of no class. In real arithmetic only a change that is
  /// proved counts, beyond what rounding can have done.
  public func isChanged(
    _ images: Tensor<Float>, from classes: [Int], workers: Workers
  ) -> [Bool] {
    guard let binary64 else {
      return zip(predictions(images, workers: workers), classes).map(!=)
    }
    let logits = binary64.network.logits(images.converted(), workers: workers)
    return zip(logits.rowMaxima, classes).enumerated().map { row, pair in
      pair.0 != pair.1
        && (kind == .sound || binary64.provesChange(of: pair.1, logits.row(row)))
    }
  }

  /// For each image the class that the executed network computes; −1 where a logit is not finite.
  func predictions(_ images: Tensor<Float>, workers: Workers) -> [Int] {
    binary64?.network.logits(images.converted(), workers: workers).rowMaxima
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
  /// The `published` radius of each image, from the logits of the binary32 network.
  public func publishedRadii(_ logits: Tensor<Float>) throws -> [Double] {
    try PublishedCertificate(network, profile: profile).radii(logits)
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
