// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference
import CPLReports
import Foundation

/// What one run of a reproduction came to, as a folder of `reports/` keeps it: all that the tables
/// are made of, and the digests by which each number can be traced. Shares are in [0, 1].
package struct ReproductionRecord: Codable, Equatable, Sendable {
  /// The attacked images and what became of them.
  package struct Audit: Codable, Equatable, Sendable {
    package let certificate: String
    package let attacked: Int
    package let certified: Int
    package let violations: Int
    /// The median of d/r.
    package let tightness: Double?
    package let verdict: String
  }

  /// SHA-256 of what the numbers rest on.
  package struct Digests: Codable, Equatable, Sendable {
    package let configuration: String?
    package let trainingImages: String?
    package let testImages: String?
    package let weights: String?
    package let results: String?
  }

  package let name: String
  package let experiment: String
  package let dataset: String
  package let seed: UInt64
  /// The profile under which the weights were judged.
  package let profile: String
  /// The variant of a study that it is; nil where it is of none.
  package let variant: String?
  /// The paper's name of the network's size; nil for a size that it lacks.
  package let paperName: String?
  /// The epochs that the weights were trained for, and those that the experiment asks for.
  package let epochs: Int
  package let configuredEpochs: Int
  /// Why they differ; nil where they do not.
  package let epochsReason: String?
  /// The images that the weights were fitted to, and those that they were judged by.
  package let trainingImages: Int?
  package let testImages: Int
  package let accuracy: Double
  /// By kind of certificate and radius, as "36/255".
  package let certifiedAccuracy: [String: [String: Double]]
  package let lipschitzUpperBound: Double?
  /// The numbers that training sets, and the mean loss of the last epoch.
  package let parameters: Int?
  package let trainingLoss: Double?
  /// The largest relative width of a layer's enclosure of its spectral norm.
  package let boundSlack: Double?
  /// Of the training, measured on its first steps; nil outside studies of training.
  package let trainingImagesPerSecond: Double?
  package let trainingMemoryBytes: Int?
  package let audit: Audit?
  package let digests: Digests
  package let program: String?
  package let commit: String?
  /// What a reader must know first; nil for nothing.
  package let notices: [Notice]?

  /// What a report tells of a run.
  ///
  /// - Parameters:
  ///   - epochsReason: why the epochs are not the configured ones, as far as known.
  ///   - trainingDigest: of the training images.
  /// - Throws: `ReferenceError.mismatch` for a report without accuracies.
  package init(
    _ run: ReproductionRun, _ report: VerificationReport, epochs: Int, epochsReason: String?,
    trainingDigest: String?
  ) throws {
    guard let evaluation = report.accuracies else {
      throw ReferenceError.mismatch(expected: "results of an evaluation", found: "none")
    }
    let facts = report.provenance
    name = run.name
    experiment = run.experiment.name
    dataset = facts.data.name ?? ""
    seed = run.experiment.training.seed
    profile = run.judgedName
    variant = run.variant
    paperName = report.model?.paperName
    self.epochs = epochs
    configuredEpochs = run.configuredEpochs
    self.epochsReason =
      epochs == run.configuredEpochs ? nil : epochsReason ?? "asked for with --epochs"
    trainingImages = facts.splits.training
    testImages = evaluation.images
    accuracy = evaluation.accuracy
    certifiedAccuracy = Dictionary(
      uniqueKeysWithValues: evaluation.certifiedAccuracy.map { kind, shares in
        (
          kind.rawValue,
          Dictionary(uniqueKeysWithValues: shares.map { ($0.key.description, $0.value) })
        )
      })
    lipschitzUpperBound = report.bounds?.lipschitzUpperBound
    parameters = report.model?.parameters
    trainingLoss = report.training.last?.loss
    boundSlack = report.bounds?.layers.compactMap { $0.spectralNorm?.relativeWidth }.max()
    trainingImagesPerSecond = facts.cost.trainingImagesPerSecond
    trainingMemoryBytes = facts.cost.trainingMemoryBytes
    audit = report.audit.map {
      Audit(
        certificate: $0.certificate.rawValue, attacked: $0.images.count, certified: $0.certified,
        violations: $0.violations.count, tightness: Distribution($0.tightness)?.median,
        verdict: $0.verdict.rawValue)
    }
    digests = Digests(
      configuration: facts.configurationDigest, trainingImages: trainingDigest,
      testImages: facts.data.digest, weights: facts.weightsDigest, results: report.contentDigest)
    program = facts.versions.program
    notices = facts.notices
    commit = facts.gitCommit.map { $0 + (facts.isDirty == true ? "-dirty" : "") }
  }

  /// What a reader must know first, a line each.
  var noticeLines: [String] { (notices ?? []).map { "\(name): \($0.line)." } }

  /// The share of images classified correctly and certified at a radius.
  package func certified(_ kind: CertificateKind, _ epsilon: Epsilon) -> Double? {
    certifiedAccuracy[kind.rawValue]?[epsilon.description]
  }

  /// The records as JSON with sorted keys.
  package static func json(of records: [ReproductionRecord]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(records), as: UTF8.self) + "\n"
  }

  /// Reads what `json` made.
  ///
  /// - Throws: `ReferenceError.invalid` for anything else.
  package static func records(json: String, path: String) throws -> [ReproductionRecord] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode([ReproductionRecord].self, from: Data(json.utf8))
    } catch {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "the records of a reproduction", found: "something else"
      )
    }
  }
}
