// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

extension VerificationReport {
  /// A part of a report, as one command prints it.
  package enum Section: Equatable, Sendable {
    case bounds, certify, audit, verify
    /// With what was required of it.
    case evaluate(requirements: [RequirementOutcome])
    /// What the attack of a name found.
    case attack(String)
  }

  /// The whole report as one JSON object: `headline`, `notices`, `verdict`, `provenance`, and a key
  /// for each section.
  ///
  /// Keys are snake_case, shares in [0, 1], radii in pixel units. A number that JSON has no text
  /// for, such as the infinite distance of an image that no attack changed, is null, and so is a
  /// section without results.
  ///
  /// - Parameter includesImages: whether the certificate of every image is in it.
  public func json(includesImages: Bool = true) throws -> String {
    var report = self
    if !includesImages {
      report.evaluation = accuracies
      report.certificates = nil
    }
    return try headed(ReportDocument(report))
  }

  /// One section as a JSON object of its own, with `headline` and `notices`.
  ///
  /// - Throws: `ReferenceError.mismatch` when the report has no such results.
  package func json(_ section: Section) throws -> String {
    let document: (any Encodable)? =
      switch section {
      case .evaluate(let requirements): EvaluationDocument(self, requirements: requirements)
      case .bounds: BoundsDocument(self)
      case .certify: certificates.map(CertificatesDocument.init)
      case .audit: auditDocument
      case .verify: checks.isEmpty ? nil : ChecksDocument(checks)
      case .attack(let name):
        attacks[name].map {
          RecordDocument(record: Placed(part: $0, place: name), fields: AttackFields.all)
        }
      }
    guard let document else {
      throw ReferenceError.mismatch(expected: "a report with results of \(section)", found: "none")
    }
    return try headed(document)
  }

  private func headed(_ document: some Encodable) throws -> String {
    try Self.text(HeadedDocument(document, of: self))
  }

  static func text(_ document: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }
}
