// SPDX-License-Identifier: Apache-2.0

/// What is done of an audit: the images that were attacked, by their positions in the data set.
public struct AuditProgress: Sendable {
  package private(set) var images: [Int: AuditedImage] = [:]
  package private(set) var violations: [Int: Violation] = [:]

  /// Nothing done yet.
  public init() {}

  /// Adds what one batch came to; what was known of its images is replaced.
  public mutating func add(_ batch: AuditedBatch) {
    for (position, image) in zip(batch.positions, batch.images) {
      images[position] = image
      violations[position] = nil
    }
    for (position, violation) in batch.violations { violations[position] = violation }
  }
}

/// Images that were attacked together.
public struct AuditedBatch: Sendable {
  /// Their positions in the data set.
  package let positions: [Int]
  package let images: [AuditedImage]
  /// The broken certificates among them, with their positions.
  package let violations: [(position: Int, violation: Violation)]
}

extension AuditedBatch {
  /// Images that have their radii, and are not attacked yet.
  package init(certified images: [(position: Int, image: AuditedImage)]) {
    self.init(
      positions: images.map(\.position), images: images.map(\.image), violations: [])
  }
}

/// An attack of the plan on one batch.
public struct AuditedStep: Sendable {
  /// The attack's name.
  public let name: String
  /// How many images the batch has.
  public let images: Int
  /// How many attacks the batch goes through now, and how many of them are done.
  public let total: Int
  /// How many of them are done.
  public let done: Int
}

/// What an audit reports on the way.
public enum AuditEvent: Sendable {
  /// So many images of the data set have their radii.
  case certified(Int)
  /// So many images are attacked, those that were attacked before among them.
  case planned(Int)
  /// An attack on a batch begins: the place to stop at, where what the batch went through so far is
  /// lost.
  case attacking(AuditedStep)
  /// A batch is done, with the search alone or with all attacks.
  case attacked(AuditedBatch)
}
