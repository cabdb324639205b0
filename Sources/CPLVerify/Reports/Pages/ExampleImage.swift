// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

/// An audited image with the nearest adversarial image that was found, which results do not keep.
public struct ExampleImage: Sendable {
  /// What the audit came to.
  package let audited: AuditedImage
  /// The class of the adversarial image.
  package let adversarialPrediction: Int
  package let original: [Float]
  package let adversarial: [Float]

  package init(
    _ audited: AuditedImage, adversarialPrediction: Int, original: [Float], adversarial: [Float]
  ) {
    self.audited = audited
    self.adversarialPrediction = adversarialPrediction
    self.original = original
    self.adversarial = adversarial
  }

  /// How many a page shows.
  package static let shown = 6
  /// How many are looked for: some turn out not to be what was found then.
  private static let tried = 12

  /// Which images of an audit are shown: of those classified correctly whose nearest adversarial image an
  /// attack found, from the tightest certificate to the loosest in equal steps.
  ///
  /// - Returns: their positions in the audit.
  package static func choice(of audit: AuditResult, foundBy attack: String) -> [Int] {
    let sorted = audit.images.indices.filter {
      let image = audit.images[$0]
      return image.tightness != nil && image.attack == attack && image.prediction == image.label
    }.sorted {
      (audit.images[$0].tightness ?? 0, $0) < (audit.images[$1].tightness ?? 0, $1)
    }
    return spread(sorted, to: tried)
  }

  /// As many of a list, in equal steps from its first to its last.
  package static func spread<Element>(_ all: [Element], to count: Int = shown) -> [Element] {
    all.count > count ? (0..<count).map { all[$0 * (all.count - 1) / (count - 1)] } : all
  }
}
