// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLFindings
import CPLProofs
import CPLReference

/// The check of bundles by a program that shares nothing with this one.
enum ProofChecks {
  static let all: [any PropertyCheck] = [CheckedProof()]
}

struct CheckedProof: PropertyCheck {
  let id = "certificate.checked"
  let statement = "an independent program finds that every claim of the network's bundle holds"
  let source = "docs/proofs.md; checker/README.md"

  func run(_ context: CheckContext) throws -> Findings {
    guard let checkBundle = context.checkBundle else {
      throw NotApplicable(
        "no cpl-check with Python and numpy is found on the path: pip install ./checker")
    }
    let verified = try context.network()
    let images = try context.images(context.effort.choose(2, 8, 64))
    let network = EvaluatedNetwork(verified)
    let bundle = try ProofBundle(network)
    let found = try RealCertificate(network).certify(
      images.images(at: 0..<images.count), workers: context.workers)
    // A radius that is cut at the box's diameter may well be longer.
    let limit = 0.999 * Double(images.imageShape.count).squareRoot()
    let claimed = (0..<images.count).filter {
      found.radii[$0] < limit && bundle.claimed(found.radii[$0]) > 0
    }
    guard !claimed.isEmpty else {
      throw NotApplicable("no image has a radius that is above 0 and below the box's diameter")
    }
    let origin = ProofOrigin(
      program: (name: "cpl-verify", digest: Digest.of("")), weightsDigest: nil,
      networkDigest: nil, steps: nil,
      data: (images.name, ImageDataset.Split.test.rawValue, images.digest, images.count))
    /// Whether the bundle with every radius longer by a factor is doubted.
    func isDoubted(_ factor: Double) throws -> Bool {
      let folder = try context.scratchFile("proof-\(factor)")
      defer { Folder.remove(folder) }
      try Folder.write(folder, replacing: true) { folder in
        try bundle.write(
          claimed.map {
            ImageClaim(
              index: images.indices[$0], class: found.classes[$0],
              radius: bundle.claimed(found.radii[$0]) * factor)
          }, pixels: { images.images(at: [claimed[$0]]).elements }, from: origin, to: folder)
      }
      return try !checkBundle(folder)
    }
    let quantity = "bundles that the checker doubts"
    return Findings(
      [Measurement(failuresOf: quantity, [try isDoubted(1)])],
      control: PositiveControl(
        "radii longer by a hundred-thousandth",
        Measurement(failuresOf: quantity, [try isDoubted(1 + 1e-5)])))
  }
}
