import CPLAudit
import CPLBounds
import CPLCertificates
import CPLReference

// The shapes of JSON that others may rely on, one for each command. Properties are snake_case in
// the text; a share is in [0, 1], a radius in pixel units.

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

extension OrNull<Int> {
  /// A class; −1 is none.
  init(class prediction: Int) { self.init(prediction < 0 ? nil : prediction) }
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
  let training: [EpochDocument]
  let bounds: OrNull<BoundsDocument>
  let evaluation: OrNull<EvaluationDocument>
  let certificates: OrNull<CertificatesDocument>
  let attacks: [String: AttackDocument]
  let audit: OrNull<AuditDocument>
  let checks: OrNull<[CheckDocument]>

  init(_ report: VerificationReport) {
    verdict = OrNull(report.verdict)
    unproved = OrNull(report.unprovedReason())
    contradictions = report.contradictions
    contentDigest = OrNull(report.contentDigest)
    provenance = report.provenance
    configurationDigest = OrNull(report.provenance.configurationDigest)
    model = OrNull(report.model)
    training = report.training.map(EpochDocument.init)
    bounds = OrNull(BoundsDocument(report))
    evaluation = OrNull(EvaluationDocument(report))
    certificates = OrNull(report.certificates.map(CertificatesDocument.init))
    attacks = report.attacks.mapValues(AttackDocument.init)
    audit = OrNull(AuditDocument(report))
    checks = OrNull(report.checks.isEmpty ? nil : report.checks.map(CheckDocument.init))
  }
}

struct EpochDocument: Encodable {
  let epoch: Int
  let loss: OrNull<Double>
  let learningRate: OrNull<Double>
  let selectionAccuracy: OrNull<Double>

  init(_ record: EpochRecord) {
    epoch = record.epoch
    loss = OrNull(number: record.loss)
    learningRate = OrNull(number: record.learningRate)
    selectionAccuracy = OrNull(number: record.selectionAccuracy)
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
  let images: Int
  let accuracy: OrNull<Double>
  /// Of the binary64 network, which `sound` certificates are of.
  let accuracyBinary64: OrNull<Double>
  let certifiedAccuracy: [String: [String: OrNull<Double>]]
  let pgdAccuracy: OrNull<[String: OrNull<Double>]>
  let autoattackAccuracy: OrNull<[String: OrNull<Double>]>
  let differingPredictions: OrNull<Int>
  /// How many images have logits that are not finite.
  let nonFinite: OrNull<Int>
  let lipschitzUpperBound: OrNull<Double>
  let profile: OrNull<String>
  /// Of a report of stored results none.
  let requirements: [RequirementOutcome]?

  init?(_ report: VerificationReport, requirements: [RequirementOutcome]? = nil) {
    guard let evaluation = report.accuracies else { return nil }
    func text(_ shares: [Epsilon: Double]) -> [String: OrNull<Double>] {
      Dictionary(
        shares.sorted { $0.key < $1.key }.map { ($0.key.description, OrNull(number: $0.value)) },
        uniquingKeysWith: { first, _ in first })
    }
    images = evaluation.images
    accuracy = OrNull(number: evaluation.accuracy)
    accuracyBinary64 = OrNull(number: evaluation.binary64Accuracy)
    certifiedAccuracy = Dictionary(
      uniqueKeysWithValues: evaluation.certifiedAccuracy.map { ($0.key.rawValue, text($0.value)) })
    let pgd = text(evaluation.pgdAccuracy)
    pgdAccuracy = OrNull(pgd.isEmpty ? nil : pgd)
    let autoattack = text(evaluation.autoattackAccuracy)
    autoattackAccuracy = OrNull(autoattack.isEmpty ? nil : autoattack)
    differingPredictions = OrNull(evaluation.differingPredictions)
    nonFinite = OrNull(evaluation.nonFinite)
    lipschitzUpperBound = OrNull(number: report.bounds?.lipschitzUpperBound)
    profile = OrNull(report.provenance.profile)
    self.requirements = requirements
  }
}

struct BoundsDocument: Encodable {
  struct Layer: Encodable {
    let name: String
    let kind: String
    let sigmaLower: OrNull<Double>
    let sigmaModel: OrNull<Double>
    let sigmaFresh: OrNull<Double>
    let sigmaUpper: OrNull<Double>
    let h: OrNull<Double>
    let stepRule: OrNull<StepRule>
    let lipschitzUpper: OrNull<Double>

    init(_ layer: LayerBounds) {
      name = layer.name
      kind = layer.kind
      sigmaLower = OrNull(number: layer.spectralNorm?.lowerBound)
      sigmaModel = OrNull(number: layer.modelEstimate)
      sigmaFresh = OrNull(number: layer.freshEstimate)
      sigmaUpper = OrNull(number: layer.spectralNorm?.upperBound)
      h = OrNull(number: layer.stepSize.map(Double.init))
      stepRule = OrNull(layer.stepRule)
      lipschitzUpper = OrNull(number: layer.lipschitzUpperBound)
    }
  }
  struct Network: Encodable {
    let lipschitzUpper: OrNull<Double>
    let lipschitzLower: OrNull<Double>
  }
  let layers: [Layer]
  let network: Network
  /// Which layers' bounds are looser than others', and by how much; nil where none is.
  let notes: [String]?

  init?(_ report: VerificationReport) {
    guard let bounds = report.bounds else { return nil }
    notes = bounds.loosenings.isEmpty ? nil : bounds.loosenings
    layers = bounds.layers.map(Layer.init)
    network = Network(
      lipschitzUpper: OrNull(number: bounds.lipschitzUpperBound),
      lipschitzLower: OrNull(number: report.lipschitzLowerBound))
  }
}

struct CertificatesDocument: Encodable {
  struct Image: Encodable {
    let index: Int
    let label: Int
    /// The class that the binary32 network computes, and with it the `published` radius's; null where a
    /// logit is not finite.
    let prediction: OrNull<Int>
    /// The same of the binary64 network and the other radii.
    let predictionBinary64: OrNull<Int>
    let margin: OrNull<Double>
    let radius: [String: OrNull<Double>]
  }
  let images: [Image]
  /// The indices of the images with logits that are not finite.
  let nonFinite: [Int]

  init(_ table: CertificateTable) {
    nonFinite = table.nonFiniteRows.map { table.indices[$0] }
    let columns = table.kinds.map { (name: $0.rawValue, radii: table.radii[$0] ?? []) }
    images = table.indices.indices.map { row in
      Image(
        index: table.indices[row], label: table.labels[row],
        prediction: OrNull(class: table.predictions[row]),
        predictionBinary64: OrNull(class: table.binary64Predictions[row]),
        margin: OrNull(number: table.margins[row]),
        radius: Dictionary(
          uniqueKeysWithValues: columns.map { ($0.name, OrNull(number: $0.radii[row])) }))
    }
  }
}

struct AttackDocument: Encodable {
  let images: Int
  let epsilon: OrNull<Double>
  let cleanAccuracy: OrNull<Double>
  let robustAccuracy: OrNull<Double>
  let distance: OrNull<DistributionDocument>
  let passes: Int

  init(_ record: AttackRecord) {
    images = record.count
    epsilon = OrNull(number: record.epsilon?.value)
    cleanAccuracy = OrNull(number: record.cleanAccuracy)
    robustAccuracy = OrNull(number: record.robustAccuracy)
    distance = OrNull(record.foundDistances.map(DistributionDocument.init))
    passes = record.passes
  }
}

struct AuditDocument: Encodable {
  struct Broken: Encodable {
    let index: Int
    let label: Int
    let prediction: Int
    let adversarialPrediction: OrNull<Int>
    let radius: OrNull<Double>
    let distance: OrNull<Double>
    let attack: String
    let cause: Violation.Cause
    /// The group of the HDF5 file that holds both images.
    let counterexample: String
  }
  let certificate: CertificateKind
  let images: Int
  let certified: Int
  let violations: [Broken]
  let excessLayers: [String]
  let binary32Only: Int
  let differingPredictions: Int
  /// How many images have logits that are not finite.
  let nonFinite: Int
  let lipschitzUpperBound: OrNull<Double>
  let tightness: OrNull<DistributionDocument>
  let plan: [String]
  let passes: Int
  /// How many certified images the budget left with the search alone, and unattacked.
  let searched: Int
  let unattacked: Int
  let verdict: AuditResult.Verdict
  /// Why it is "unproved".
  let unproved: OrNull<String>

  init?(_ report: VerificationReport) {
    guard let audit = report.audit else { return nil }
    certificate = audit.certificate
    images = audit.images.count
    certified = audit.certified
    violations = zip(audit.violations, ReportSchema.counterexamples(audit)).map {
      Broken(
        index: $0.index, label: $0.label, prediction: $0.prediction,
        adversarialPrediction: OrNull($0.adversarialPrediction), radius: OrNull(number: $0.radius),
        distance: OrNull(number: $0.distance),
        attack: $0.attack, cause: $0.cause, counterexample: $1)
    }
    excessLayers = audit.excessLayers
    binary32Only = audit.binary32Only
    differingPredictions = audit.differingPredictions
    nonFinite = audit.nonFinite
    lipschitzUpperBound = OrNull(number: report.bounds?.lipschitzUpperBound)
    tightness = OrNull(Distribution(audit.tightness).map(DistributionDocument.init))
    plan = audit.plan
    passes = audit.passes
    searched = audit.searched
    unattacked = audit.unattacked
    verdict = audit.verdict
    unproved = OrNull(report.unprovedReason())
  }
}
