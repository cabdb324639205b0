// SPDX-License-Identifier: Apache-2.0

import CPLCertificates

/// Accuracies over a set of images: shares in [0, 1].
public struct EvaluationSummary: Equatable, Sendable {
  /// The number of images.
  public var images: Int
  /// The accuracy of the binary32 network.
  public var accuracy: Double
  /// The accuracy of the binary64 network, which most certificates are of; nil when it was not
  /// looked at.
  package var binary64Accuracy: Double?
  /// The share of images classified correctly, and certified so at each radius.
  public var certifiedAccuracy: [CertificateKind: [Epsilon: Double]]
  /// The accuracy left under the paper's PGD at each radius.
  package var pgdAccuracy: [Epsilon: Double]
  /// The accuracy left under AutoAttack at each radius.
  package var autoattackAccuracy: [Epsilon: Double]

  /// The number of images whose predictions in binary32 and in binary64 differ; nil when it was not
  /// looked at.
  package var differingPredictions: Int?
  /// The number of images with logits that are not finite, in either precision; nil when it was not
  /// looked at.
  package var nonFinite: Int?
  /// The number of images whose search for a local radius came to its end; nil without local radii.
  package var searched: Int?

  package init(
    images: Int, accuracy: Double,
    certifiedAccuracy: [CertificateKind: [Epsilon: Double]] = [:],
    pgdAccuracy: [Epsilon: Double] = [:], autoattackAccuracy: [Epsilon: Double] = [:]
  ) {
    self.images = images
    self.accuracy = accuracy
    self.certifiedAccuracy = certifiedAccuracy
    self.pgdAccuracy = pgdAccuracy
    self.autoattackAccuracy = autoattackAccuracy
  }

  /// What a table of certificates tells, at the paper's radii and others.
  public init(_ table: CertificateTable, also epsilons: [Epsilon] = []) {
    self.init(images: table.count, accuracy: table.accuracy)
    binary64Accuracy = table.binary64Accuracy
    differingPredictions = table.differingPredictions
    nonFinite = table.nonFiniteRows.count
    searched = table.unsearched.map { table.count - $0 }
    for kind in table.kinds {
      certifiedAccuracy[kind] = Dictionary(
        uniqueKeysWithValues: Set(Epsilon.published + epsilons).map {
          ($0, table.certifiedAccuracy(kind, at: $0))
        })
    }
  }

  /// Accuracies at each radius that files name alike.
  struct Quantity {
    let name: String
    /// The name in words.
    let words: String
    let shares: WritableKeyPath<EvaluationSummary, [Epsilon: Double]>
  }

  static let certifiedPrefix = "certified_accuracy."

  /// Every one, in a fixed order.
  static var quantities: [Quantity] {
    CertificateKind.allCases.map {
      Quantity(
        name: certifiedPrefix + $0.rawValue, words: "certified accuracy (\($0))",
        shares: \.certifiedAccuracy[kind: $0])
    } + [
      Quantity(name: "pgd_accuracy", words: "accuracy under PGD", shares: \.pgdAccuracy),
      Quantity(
        name: "autoattack_accuracy", words: "accuracy under AutoAttack",
        shares: \.autoattackAccuracy),
    ]
  }

  /// The shares of a quantity, by ascending radius.
  func sorted(_ quantity: Quantity) -> [(key: Epsilon, value: Double)] {
    self[keyPath: quantity.shares].sorted { $0.key < $1.key }
  }

  /// All shares at radii.
  var accuracyRows: [AccuracyRow] {
    Self.quantities.flatMap { quantity in
      sorted(quantity).map {
        AccuracyRow(quantity: quantity.name, epsilon: $0.key, share: $0.value, images: images)
      }
    }
  }

  /// The accuracy of the network that a kind of certificate speaks of.
  public func accuracy(of kind: CertificateKind) -> Double {
    kind.isOfBinary64 ? binary64Accuracy ?? accuracy : accuracy
  }

  /// Every radius at which something is stated, ascending.
  package var epsilons: [Epsilon] {
    let maps = Array(certifiedAccuracy.values) + [pgdAccuracy, autoattackAccuracy]
    return Set(maps.flatMap(\.keys)).sorted()
  }
}

extension [CertificateKind: [Epsilon: Double]] {
  /// Of a kind; nothing where there is none.
  fileprivate subscript(kind kind: CertificateKind) -> [Epsilon: Double] {
    get { self[kind] ?? [:] }
    set { self[kind] = newValue }
  }
}

extension Epsilon: Comparable {
  /// By value, and where that is equal by how it is written.
  public static func < (first: Epsilon, second: Epsilon) -> Bool {
    (first.value, first.description) < (second.value, second.description)
  }
}
