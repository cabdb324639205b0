// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReports

/// What an evaluation has to come to, such as "certified_accuracy.sound[36/255]>=0.60".
package struct Requirement: CustomStringConvertible {
  private enum Quantity {
    case images, accuracy, binary64Accuracy, nonFinite, differingPredictions, lipschitzUpperBound
    case certifiedAccuracy(CertificateKind, Epsilon)
    case pgdAccuracy(Epsilon)
    case autoattackAccuracy(Epsilon)
  }

  private static let comparisons: [(sign: String, holds: @Sendable (Double, Double) -> Bool)] = [
    (">=", { $0 >= $1 }), ("<=", { $0 <= $1 }), (">", { $0 > $1 }), ("<", { $0 < $1 }),
  ]

  /// The keys that can be required.
  package static let keys =
    [
      "images", "accuracy", "accuracy_binary64", "non_finite", "differing_predictions",
      "lipschitz_upper_bound",
    ]
    + CertificateKind.allCases.map { "certified_accuracy.\($0.rawValue)[ε]" }
    + ["pgd_accuracy[ε]", "autoattack_accuracy[ε]"]

  /// As it was written.
  package let description: String
  private let quantity: Quantity
  private let holds: @Sendable (Double, Double) -> Bool
  private let bound: Double

  /// Reads a key as in the command's JSON, with a radius in brackets where it has one, a comparison
  /// and a number.
  ///
  /// - Throws: `UsageError` saying what is wrong.
  package init(_ text: String) throws {
    func fail(_ expected: String, _ found: some StringProtocol) -> UsageError {
      UsageError("--require \(text): expected \(expected), found '\(found)'")
    }
    guard let start = text.firstIndex(where: { $0 == "<" || $0 == ">" }),
      let comparison = Self.comparisons.first(where: { text[start...].hasPrefix($0.sign) })
    else { throw fail("KEY, one of \(Self.signs), and a number", text) }
    let number = text[start...].dropFirst(comparison.sign.count)
    guard let bound = Double(number), bound.isFinite else { throw fail("a number", number) }
    let key = text[..<start]
    let name = key.prefix { $0 != "[" }
    var epsilon: Epsilon?
    if name.count < key.count {
      let inner = key.dropFirst(name.count + 1).dropLast()
      epsilon = Epsilon(String(inner))
      guard key.hasSuffix("]"), epsilon != nil else {
        throw fail("a radius in brackets, such as [36/255]", key.dropFirst(name.count))
      }
    }
    guard let quantity = Self.quantity(String(name), epsilon) else {
      throw fail("one of \(Self.keys.joined(separator: ", "))", key)
    }
    description = text
    self.quantity = quantity
    holds = comparison.holds
    self.bound = bound
  }

  private static var signs: String { comparisons.map(\.sign).joined(separator: ", ") }

  private static func quantity(_ name: String, _ epsilon: Epsilon?) -> Quantity? {
    switch (name, epsilon) {
    case ("images", nil): return .images
    case ("accuracy", nil): return .accuracy
    case ("accuracy_binary64", nil): return .binary64Accuracy
    case ("non_finite", nil): return .nonFinite
    case ("differing_predictions", nil): return .differingPredictions
    case ("lipschitz_upper_bound", nil): return .lipschitzUpperBound
    case ("pgd_accuracy", let epsilon?): return .pgdAccuracy(epsilon)
    case ("autoattack_accuracy", let epsilon?): return .autoattackAccuracy(epsilon)
    case (_, let epsilon?):
      return CertificateKind.allCases.first { name == "certified_accuracy.\($0.rawValue)" }
        .map { .certifiedAccuracy($0, epsilon) }
    default: return nil
    }
  }

  /// The kind of certificate that it is about.
  package var certificate: CertificateKind? {
    if case .certifiedAccuracy(let kind, _) = quantity { kind } else { nil }
  }

  /// The radius of an attack that it is about, and the flag that asks for that attack.
  package var attack: (flag: String, epsilon: Epsilon)? {
    switch quantity {
    case .pgdAccuracy(let epsilon): ("--pgd", epsilon)
    case .autoattackAccuracy(let epsilon): ("--autoattack", epsilon)
    default: nil
    }
  }

  /// What a report has in its place, and whether that will do.
  package func check(_ report: VerificationReport) -> RequirementOutcome {
    let evaluation = report.evaluation
    let value: Double? =
      switch quantity {
      case .images: evaluation.map { Double($0.images) }
      case .accuracy: evaluation?.accuracy
      case .binary64Accuracy: evaluation?.binary64Accuracy
      case .nonFinite: evaluation?.nonFinite.map { Double($0) }
      case .differingPredictions: evaluation?.differingPredictions.map { Double($0) }
      case .lipschitzUpperBound: report.bounds?.lipschitzUpperBound
      case .certifiedAccuracy(let kind, let epsilon):
        report.certificates?.certifiedAccuracy(kind, at: epsilon)
      case .pgdAccuracy(let epsilon):
        evaluation?.pgdAccuracy.first { $0.key.value == epsilon.value }?.value
      case .autoattackAccuracy(let epsilon):
        evaluation?.autoattackAccuracy.first { $0.key.value == epsilon.value }?.value
      }
    // Nothing that is missing or no number is met.
    return RequirementOutcome(
      description, found: value ?? .nan, met: value.map { holds($0, bound) } ?? false)
  }
}
