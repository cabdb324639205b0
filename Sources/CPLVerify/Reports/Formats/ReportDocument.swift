// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLBounds
import CPLFindings
import CPLReference

// The shapes of JSON that others may rely on, one for each command: the fields of a report, and how
// they are put together. Properties are snake_case in the text; a share is in [0, 1], a radius in
// pixel units.

/// A value that is null in JSON where there is none. For numbers that includes ∞ and NaN, for which
/// JSON has no text.
struct OrNull<Value: Encodable>: Encodable {
  private let value: Value?

  init(_ value: Value?) { self.value = value }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let value { try container.encode(value) } else { try container.encodeNil() }
  }
}

extension OrNull<Double> {
  init(number: Double?) { self.init(number.flatMap { $0.isFinite ? $0 : nil }) }
}

extension OrNull<Int> {
  /// A class; −1 is none.
  init(class prediction: Int) { self.init(prediction < 0 ? nil : prediction) }
}

/// A record as an object, a key for each field.
struct RecordDocument<Record>: Encodable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  let record: Record
  let fields: [any RecordField<Record>]

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for field in fields {
      guard let name = field.names[.json] else { continue }
      try container.encode(field.json(record), forKey: Key(stringValue: name))
    }
  }
}

extension Array {
  func documents(_ fields: [any RecordField<Element>]) -> [RecordDocument<Element>] {
    map { RecordDocument(record: $0, fields: fields) }
  }
}

/// What every document begins with: the headline and what a reader must know first.
struct HeadedDocument<Document: Encodable>: Encodable {
  let headline: String
  let notices: [Notice]
  let document: Document

  init(_ document: Document, of report: VerificationReport) {
    headline = report.headline
    notices = report.provenance.notices ?? []
    self.document = document
  }

  private enum CodingKeys: CodingKey { case headline, notices }

  /// The keys of both in one object.
  func encode(to encoder: any Encoder) throws {
    try document.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(headline, forKey: .headline)
    try container.encode(notices, forKey: .notices)
  }
}

/// All of a report.
struct ReportDocument: Encodable {
  let format = ReportSchema.format
  let version = ReportSchema.version
  /// null where nothing was put to the test.
  let verdict: OrNull<AuditResult.Verdict>
  /// Why it is "unproved".
  let unproved: OrNull<String>
  let contradictions: [String]
  let contentDigest: OrNull<String>
  let provenance: Provenance
  let configurationDigest: OrNull<String>
  let model: OrNull<ModelSummary>
  let training: [RecordDocument<EpochRecord>]
  let bounds: OrNull<BoundsDocument>
  let evaluation: OrNull<EvaluationDocument>
  let certificates: OrNull<CertificatesDocument>
  let attacks: [String: RecordDocument<AttackFields.Record>]
  let audit: OrNull<RecordDocument<AuditFields.Record>>
  let checks: OrNull<[RecordDocument<CheckResult>]>

  init(_ report: VerificationReport) {
    verdict = OrNull(report.verdict)
    unproved = OrNull(report.unprovedReason())
    contradictions = report.contradictions
    contentDigest = OrNull(report.contentDigest)
    provenance = report.provenance
    configurationDigest = OrNull(report.provenance.configurationDigest)
    model = OrNull(report.model)
    training = report.training.documents(EpochFields.all)
    bounds = OrNull(BoundsDocument(report))
    evaluation = OrNull(EvaluationDocument(report))
    certificates = OrNull(report.certificates.map(CertificatesDocument.init))
    attacks = Dictionary(
      uniqueKeysWithValues: zip(
        report.namedAttacks.map(\.place), report.namedAttacks.documents(AttackFields.all)))
    audit = OrNull(report.auditDocument)
    checks = OrNull(report.checks.isEmpty ? nil : report.checks.documents(CheckFields.all))
  }
}

extension VerificationReport {
  var auditDocument: RecordDocument<AuditFields.Record>? {
    audit.map {
      RecordDocument(record: Placed(part: $0, place: self), fields: AuditFields.all)
    }
  }
}

struct DistributionDocument: Encodable {
  let min: OrNull<Double>
  let median: OrNull<Double>
  let max: OrNull<Double>

  init(_ distribution: Distribution) {
    min = OrNull(number: distribution.min)
    median = OrNull(number: distribution.median)
    max = OrNull(number: distribution.max)
  }
}

struct EvaluationDocument: Encodable {
  private let evaluation: RecordDocument<EvaluationFields.Record>
  private let requirements: [RequirementOutcome]?

  /// - Parameter requirements: what was required; nil for a report of stored results.
  init?(_ report: VerificationReport, requirements: [RequirementOutcome]? = nil) {
    guard let summary = report.accuracies else { return nil }
    evaluation = RecordDocument(
      record: Placed(part: summary, place: report), fields: EvaluationFields.all)
    self.requirements = requirements
  }

  private enum CodingKeys: CodingKey { case requirements }

  func encode(to encoder: any Encoder) throws {
    try evaluation.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(requirements, forKey: .requirements)
  }
}

struct BoundsDocument: Encodable {
  let layers: [RecordDocument<LayerBounds>]
  let network: RecordDocument<VerificationReport>
  /// Which layers' bounds are looser than others', and by how much; nil where none is.
  let notes: [String]?

  init?(_ report: VerificationReport) {
    guard let bounds = report.bounds else { return nil }
    notes = bounds.loosenings.isEmpty ? nil : bounds.loosenings
    layers = bounds.layers.documents(LayerFields.all)
    network = RecordDocument(record: report, fields: NetworkFields.all)
  }
}

struct CertificatesDocument: Encodable {
  let images: [RecordDocument<TableRow<CertificateTable>>]
  /// The indices of the images with logits that are not finite.
  let nonFinite: [Int]

  init(_ table: CertificateTable) {
    nonFinite = table.nonFiniteRows.map { table.indices[$0] }
    images = table.rows.documents(CertificateFields.all(table.kinds))
  }
}

/// The checks of properties, as `verify` prints them.
struct ChecksDocument: Encodable {
  let checks: [RecordDocument<CheckResult>]
  let verdict: CheckResult.Verdict

  init(_ results: [CheckResult]) {
    checks = results.documents(CheckFields.all)
    verdict = results.verdict
  }
}

struct ControlDocument: Encodable {
  let fault: String
  let measurement: RecordDocument<Measurement>

  init?(_ result: CheckResult) {
    guard let control = result.control else { return nil }
    fault = result.controlFault ?? ""
    measurement = RecordDocument(record: control, fields: MeasurementFields.all)
  }
}
