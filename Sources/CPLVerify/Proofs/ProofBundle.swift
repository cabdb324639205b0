// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLReference
import Foundation

/// What is claimed of one image: that its class does not change, in real arithmetic, within the radius.
package struct ImageClaim: Sendable {
  /// In its data set.
  package let index: Int
  package let label: Int
  package var radius: Double

  package init(index: Int, class label: Int, radius: Double) {
    self.index = index
    self.label = label
    self.radius = radius
  }
}

/// Where a bundle comes from, for people: no claim depends on it.
package struct ProofOrigin: Sendable {
  /// The program's name and version, and the SHA-256 of its file.
  package let program: (name: String, digest: String)
  /// The digests of the network as it was stored and as it is executed, and which steps these are.
  package let weightsDigest: String?
  package let networkDigest: String?
  package let steps: String?
  /// The images that were tried.
  package let data: (name: String, split: String, digest: String, tried: Int)

  package init(
    program: (name: String, digest: String), weightsDigest: String?, networkDigest: String?,
    steps: String?, data: (name: String, split: String, digest: String, tried: Int)
  ) {
    self.program = program
    self.weightsDigest = weightsDigest
    self.networkDigest = networkDigest
    self.steps = steps
    self.data = data
  }
}

/// A network with what is claimed of it, as a folder that others can check (docs/proofs.md): statement.json,
/// claims.json, weights.safetensors and images.npy.
///
/// *What is claimed* is a little less than what is proved here, for a checker has other bounds of its own roundings:
/// norms are σ̄(1 + 2⁻³²), rounded up; constants follow from these; and radii are r_real·(L̄/L̄ of the claims)·(1 − 2⁻²⁴),
/// rounded down. Nothing is claimed of an image where rounding, measured where its bound beforehand is too coarse, may
/// take more than 2⁻²² of a margin, so that claimed radii are those of exact arithmetic to 10⁻⁶.
package struct ProofBundle: Sendable {
  /// L̄, as it is claimed.
  package let lipschitz: Double
  private let proved: Double
  private let network: CPLNetwork<Double>
  private let layers: [LayerStatement]

  /// By which share norms are claimed to be larger, and radii smaller.
  private static let normSlack = 0x1p-32
  private static let radiusSlack = 0x1p-24
  /// Which share of a margin rounding may take at most where a radius is claimed.
  package static let sharpness = 0x1p-22

  /// - Throws: `VerificationError` for a layer without bounds, or that no bundle can state.
  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    self.network = network.binary64
    var layers: [LayerStatement] = []
    var constants: [Double] = []
    let bounds = network.verified.bounds.layers.map(Optional.some) + [nil]
    for (layer, bounds) in zip(network.binary64.layers, bounds) {
      guard var statement = (layer as? any ProvableLayer)?.statement else {
        throw .invalid(
          what: "layer \(layer.name)", expected: "a layer that a bundle can state",
          found: layer.specification.value.summary)
      }
      statement.name = layer.name
      if statement.tensors != nil {
        statement.weight = "\(layer.name)/weight"
        statement.bias = "\(layer.name)/bias"
      }
      if let bounds {
        let norm = bounds.spectralNorm.map { $0.enlarged(by: Self.normSlack) }
        statement.norm = norm.map { ExactNumber($0.upperBound) }
        constants.append(try layer.bounded.lipschitzUpperBound(norm))
        statement.lipschitz = ExactNumber(constants[constants.count - 1])
      }
      layers.append(statement)
    }
    self.layers = layers
    lipschitz = try LipschitzBound.composition(constants)
    proved = try RealCertificate(network).lipschitz
  }

  /// What is claimed of an image with this r_real.
  package func claimed(_ radius: Double) -> Double {
    let down = Rounding.down
    return down.product(
      down.quotient(down.product(radius, proved), lipschitz), 1 - Self.radiusSlack)
  }

  /// Writes the bundle into an empty folder, the statement last.
  ///
  /// - Parameter pixels: of each claimed image, in the order of the claims.
  /// - Returns: the SHA-256 of statement.json.
  @discardableResult
  package func write(
    _ claims: [ImageClaim], pixels: (Int) throws -> [Float], from origin: ProofOrigin,
    to folder: String
  ) throws -> String {
    func path(_ name: String) -> String { "\(folder)/\(name)" }
    let (weights, images, claimed) = ("weights.safetensors", "images.npy", "claims.json")
    let tensors: [(name: String, value: Tensor<Float>)] = layers.flatMap { layer in
      guard let tensors = layer.tensors, let weight = layer.weight, let bias = layer.bias else {
        return [] as [(name: String, value: Tensor<Float>)]
      }
      return [(weight, tensors.weight.converted()), (bias, tensors.bias.converted())]
    }
    try Safetensors.write(tensors, metadata: [:], to: path(weights))
    try NumPyFile.write(
      shape: [claims.count] + network.inputShape, to: path(images), row: pixels)
    let document = ClaimsDocument(
      image: .init(network.image), layers: layers, lipschitz: ExactNumber(lipschitz),
      images: claims.map {
        .init(index: $0.index, label: $0.label, radius: ExactNumber($0.radius))
      })
    try AtomicFile.write(Data(try json(document).utf8), to: path(claimed))
    func resource(_ name: String) throws -> StatementDocument.Resource {
      .init(name: name, digest: .init(sha256: try Digest.ofFile(path(name))))
    }
    let statement = StatementDocument(
      subject: [
        try resource(weights), try resource(images),
        .init(name: origin.program.name, digest: .init(sha256: origin.program.digest)),
      ],
      predicate: .init(
        claims: try resource(claimed),
        network: .init(
          digest: origin.networkDigest, storedDigest: origin.weightsDigest, steps: origin.steps),
        data: .init(
          name: origin.data.name, split: origin.data.split, digest: origin.data.digest,
          tried: origin.data.tried, claimed: claims.count)))
    let text = Data(try json(statement).utf8)
    try AtomicFile.write(text, to: path(Self.statementName))
    return Digest.of(text)
  }

  /// The file without which a folder is no bundle.
  package static let statementName = "statement.json"
}

extension SpectralNormEnclosure {
  /// The same with an upper bound that is larger by this share, rounded up; 0 stays 0.
  fileprivate func enlarged(by share: Double) -> SpectralNormEnclosure {
    SpectralNormEnclosure(
      lowerBound: lowerBound, upperBound: Rounding.up.product(upperBound, 1 + share),
      estimate: estimate, method: method)
  }
}

/// claims.json.
private struct ClaimsDocument: Encodable {
  struct Image: Encodable {
    let channels: Int
    let height: Int
    let width: Int

    init(_ image: ImageShape) {
      (channels, height, width) = (image.channels, image.height, image.width)
    }
  }

  struct Claim: Encodable {
    let index: Int
    let label: Int
    let radius: ExactNumber

    enum CodingKeys: String, CodingKey {
      case index
      case label = "class"
      case radius
    }
  }

  var format = "cpl-claims"
  var version = 1
  let image: Image
  let layers: [LayerStatement]
  let lipschitz: ExactNumber
  let images: [Claim]
}

/// statement.json: an in-toto Statement v1.
private struct StatementDocument: Encodable {
  struct Digests: Encodable {
    let sha256: String
  }

  struct Resource: Encodable {
    let name: String
    let digest: Digests
  }

  struct Predicate: Encodable {
    struct Network: Encodable {
      let digest: String?
      let storedDigest: String?
      let steps: String?
    }

    struct Images: Encodable {
      let name: String
      let split: String
      let digest: String
      let tried: Int
      let claimed: Int
    }

    let claims: Resource
    let network: Network
    let data: Images
  }

  var type = "https://in-toto.io/Statement/v1"
  let subject: [Resource]
  var predicateType = "urn:cpl-verify:real-certificate:1"
  let predicate: Predicate

  enum CodingKeys: String, CodingKey {
    case type = "_type"
    case subject, predicateType, predicate
  }
}
