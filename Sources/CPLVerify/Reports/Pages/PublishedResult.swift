// SPDX-License-Identifier: Apache-2.0

import CPLCertificates

/// A row of the paper's tables for CIFAR-10 and CIFAR-100: shares in [0, 1].
package struct PublishedResult: Equatable, Sendable {
  /// How a row is known.
  package enum Source: String, Sendable {
    /// Later papers quote it with the same figures.
    case quoted
    /// From memory of the paper.
    case recalled
  }

  package let dataset: String
  /// The network's size, such as "CPL-S".
  package let model: String
  package let accuracy: Double
  /// Certified accuracy at 36, 72 and 108 of 255.
  package let certifiedAccuracy: [Epsilon: Double]
  package let source: Source

  private init(_ dataset: String, _ model: String, _ perCent: [Double], _ source: Source) {
    self.dataset = dataset
    self.model = model
    accuracy = perCent[0] / 100
    certifiedAccuracy = Dictionary(
      uniqueKeysWithValues: zip(Epsilon.published, perCent.dropFirst().map { $0 / 100 }))
    self.source = source
  }

  /// All rows.
  package static let all = [
    PublishedResult("cifar10", "CPL-S", [75.6, 62.3, 47.0, 32.2], .recalled),
    PublishedResult("cifar10", "CPL-M", [76.8, 63.3, 47.5, 32.5], .recalled),
    PublishedResult("cifar10", "CPL-L", [77.7, 63.9, 48.1, 32.9], .recalled),
    PublishedResult("cifar10", "CPL-XL", [78.5, 64.4, 48.0, 33.0], .quoted),
    PublishedResult("cifar100", "CPL-S", [44.0, 29.9, 19.1, 11.0], .recalled),
    PublishedResult("cifar100", "CPL-M", [45.6, 31.1, 19.3, 11.3], .recalled),
    PublishedResult("cifar100", "CPL-L", [46.7, 31.8, 20.1, 11.7], .recalled),
    PublishedResult("cifar100", "CPL-XL", [47.8, 33.4, 20.9, 12.6], .quoted),
  ]

  /// The row for a data set and a size; nil where the paper has none.
  package static func matching(dataset: String?, model: ModelSummary?) -> PublishedResult? {
    all.first { $0.dataset == dataset && $0.model == model?.paperName }
  }
}
