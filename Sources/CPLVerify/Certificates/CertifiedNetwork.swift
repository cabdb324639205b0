// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// A network with one kind of certificate, which names the network that is executed: the binary32 or
/// the binary64 one. Of certificates that speak of real arithmetic it is the binary64 one, with what its
/// rounding may do to margins.
public struct CertifiedNetwork: Sendable {
  /// The classes of images and the radii within which they cannot change.
  package typealias Certify =
    @Sendable (CertifiedNetwork, EvaluatedBatch) throws -> (predictions: [Int], radii: [Double])

  package let network: EvaluatedNetwork
  /// The kind of its certificates.
  public let kind: CertificateKind
  private let certificate: any Certificate

  /// A network with one kind of certificate.
  ///
  /// - Throws: `VerificationError` when a layer or the head lacks the bounds that the kind needs.
  public init(_ network: EvaluatedNetwork, _ kind: CertificateKind) throws {
    self.network = network
    self.kind = kind
    certificate = try kind.certificate.init(network)
  }

  /// The radius of each image of a batch, with what it rests on.
  package func radii(_ batch: EvaluatedBatch) throws -> [CertifiedRadius] {
    try certificate.radii(batch)
  }

  /// For each image the class that the executed network computes, and the radius within which it
  /// cannot change if the certificate holds.
  package func certify(_ batch: EvaluatedBatch) throws -> (predictions: [Int], radii: [Double]) {
    (batch.predictions(in: kind.certificate.arithmetic), try radii(batch).map(\.radius))
  }

  /// The same for images that nothing else looks at.
  public func certify(
    _ images: Tensor<Float>, workers: Workers
  ) throws -> (predictions: [Int], radii: [Double]) {
    try certify(EvaluatedBatch(images, network, workers: workers))
  }

  /// For each image whether its class is another than a given one in the network that the certificate
  /// speaks of. Logits that are not finite are of no class. In real arithmetic only a change that is
  /// proved counts, beyond what rounding can have done.
  package func isChanged(
    _ images: Tensor<Float>, from classes: [Int], workers: Workers
  ) throws -> [Bool] {
    let batch = EvaluatedBatch(images, network, workers: workers)
    let arithmetic = kind.certificate.arithmetic
    let isAnother = zip(batch.predictions(in: arithmetic), classes).map(!=)
    guard arithmetic == .real else { return isAnother }
    let bounds = try network.marginBounds
    return isAnother.enumerated().map { row, isAnother in
      isAnother && bounds.provesChange(of: classes[row], batch.binary64.row(row))
    }
  }
}
