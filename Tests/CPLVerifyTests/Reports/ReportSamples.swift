// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

/// Runs `body` with the path of an empty folder that is removed afterwards.
func withReportFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "cpl-report-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

func bytes(of path: String) throws -> [UInt8] {
  try Array(Data(contentsOf: URL(filePath: path)))
}

/// Reports without a network behind them.
enum ReportSample {
  /// Text that means something in every format: markup, a table's bar, a fence, an escape sequence,
  /// and a "<" that a combining mark makes another character to Swift.
  static let hostile =
    "<script>alert(\"x\")</script> <\u{338}b> a|b `c` ```` *d* [e](f) & 'g' ]]> \u{1B}[31m \u{8}ü"

  static let provenance: Provenance = {
    var provenance = Provenance()
    provenance.command = "cpl-verify audit run/last.h5 --limit 3"
    provenance.configuration = "model:\n  channels: 45\n"
    provenance.profile = "corrected"
    provenance.certificate = "lipschitz"
    provenance.seed = .max
    provenance.weights = "run/last.h5"
    provenance.weightsDigest = "0123abcd"
    provenance.weightsFlags = "--profile corrected"
    provenance.gitCommit = "9f15308"
    provenance.isDirty = true
    provenance.data.name = "cifar10"
    provenance.data.split = "test"
    provenance.data.images = 3
    provenance.data.digest = "feedbeef"
    provenance.splits.training = 48000
    provenance.splits.validation = 2000
    provenance.splits.seed = 7
    provenance.versions.program = "cpl-verify 0.1.0"
    provenance.versions.openblas = "OpenBLAS 0.3.29"
    provenance.machine.cpu = "Some CPU"
    provenance.machine.memoryBytes = 1 << 35
    provenance.cost.start = "2026-07-28T12:00:00Z"
    provenance.cost.wallSeconds = 12.5
    return provenance
  }()

  static let small = ModelSummary(
    convolutionLayers: 20, channels: 45, convolutionInner: 5, linearLayers: 7, linearInner: 2048,
    head: "last-layer-normalised", classes: 10, parameters: 41_371_426, imageShape: [1, 2, 2])

  static let bounds = NetworkBounds(
    layers: [
      LayerBounds(
        name: "normalize", kind: "normalize", spectralNorm: nil, modelEstimate: nil,
        freshEstimate: nil, stepSize: nil, stepRule: nil, lipschitzUpperBound: 1),
      LayerBounds(
        name: "convolution.0", kind: "convolution",
        spectralNorm: SpectralNormEnclosure(
          lowerBound: 0.1 + 0.2, upperBound: 0.30000001, estimate: 0.3, method: .bandCholesky),
        modelEstimate: 0.299, freshEstimate: 0.298, stepSize: 0.1, stepRule: .verified,
        lipschitzUpperBound: 1.0.nextUp),
    ], lipschitzUpperBound: 1.0.nextUp)

  static let evaluation = EvaluationSummary(
    images: 3, accuracy: 2.0 / 3,
    certifiedAccuracy: [
      .published: Dictionary(
        uniqueKeysWithValues: zip(Epsilon.published, [2.0 / 3, 1.0 / 3, 1.0 / 3, 0])),
      .lipschitz: [Epsilon("0.1")!: 1.0 / 3],
    ], pgdAccuracy: [Epsilon.published[0]: 1.0 / 3])

  static let certificates = CertificateTable(
    indices: [4, 7, 9], labels: [0, 1, 2], predictions: [0, 1, 1],
    binary64Predictions: [0, 1, -1], margins: [0.1, .leastNonzeroMagnitude, .infinity],
    radii: [.published: [0.3, .infinity, 0], .lipschitz: [0.2, 0.1.nextDown, 0]])

  static let attack = AttackRecord(
    epsilon: Epsilon.published[0], indices: [4, 7, 9], labels: [0, 1, 2], predictions: [0, 1, 1],
    distances: [.infinity, 0.14, 0], forwardPasses: [51, 20, 1], backwardPasses: [50, 19, 0],
    adversarialImages: Tensor(shape: [2, 1, 1, 2], elements: [0.1, 0.25, 1, 0]))

  /// An audit of three images, the first without an adversarial image; with violations or not.
  static func audit(violations count: Int = 0) -> AuditResult {
    AuditResult(
      certificate: .lipschitz, plan: ["minimum-norm", "pgd@0.99r"],
      images: [
        image(4, radius: 0.2, distance: .infinity, attack: nil),
        image(7, radius: 0.1, distance: count > 0 ? 0.09 : 0.2, attack: "minimum-norm"),
        image(9, radius: 0, distance: .infinity, attack: nil),
      ],
      violations: (0..<count).map { position in
        Violation(
          index: 7, label: 1, prediction: 1, adversarialPrediction: 3, radius: 0.1,
          distance: 0.09, attack: "pgd@0.99r", cause: .certificate, original: [0, 0.25, 0.5, 1],
          adversarial: [0.1, 0.25, Float(0.5).nextUp, 1 - Float(position) / 8])
      }, excessLayers: count > 0 ? ["convolution.0", "linear, \"1\"\n"] : [])
  }

  /// An audit of the same images with another kind of certificate, none of them broken.
  static func audit(_ kind: CertificateKind, excess layers: [String]) -> AuditResult {
    let audit = audit()
    return AuditResult(
      certificate: kind, plan: audit.plan, images: audit.images, violations: [],
      excessLayers: layers)
  }

  static func image(
    _ index: Int, radius: Double, _ extent: AuditedImage.Extent = .plan
  ) -> AuditedImage {
    AuditedImage(
      stored: index, label: 1, prediction: 1, binary32Prediction: 1, radius: radius,
      distance: .infinity, binary32OnlyDistance: .infinity, attack: nil, forwardPasses: 0,
      backwardPasses: 0, extent: radius > 0 ? extent : .none)
  }

  private static func image(
    _ index: Int, radius: Double, distance: Double, attack: String?
  ) -> AuditedImage {
    AuditedImage(
      stored: index, label: 1, prediction: 1, binary32Prediction: 1, radius: radius,
      distance: distance, binary32OnlyDistance: .infinity, attack: attack,
      forwardPasses: 100, backwardPasses: 90, extent: radius > 0 ? .plan : .none)
  }

  static func full(violations: Int = 0) -> VerificationReport {
    var report = VerificationReport(provenance: provenance)
    report.model = small
    report.training = [
      EpochRecord(epoch: 1, loss: 0.7, learningRate: 1e-3, selectionAccuracy: 0.25),
      EpochRecord(epoch: 2, loss: 0.5, learningRate: 0, selectionAccuracy: .nan),
    ]
    report.bounds = bounds
    report.lipschitzLowerBound = 0.75
    report.evaluation = evaluation
    report.certificates = certificates
    report.attacks = [
      "pgd": attack,
      "minimum-norm": AttackRecord(
        epsilon: nil, indices: [], labels: [], predictions: [], distances: [], forwardPasses: [],
        backwardPasses: []),
    ]
    report.audit = audit(violations: violations)
    return report
  }

  /// A report in which every text that comes from outside is hostile.
  static func hostileReport() -> VerificationReport {
    var report = VerificationReport(provenance: Provenance())
    report.provenance.command = hostile
    report.provenance.configuration = hostile + "\n```\n" + hostile
    report.provenance.data.name = hostile
    report.provenance.data.folder = hostile
    report.provenance.machine.cpu = hostile
    report.provenance.weights = hostile
    report.bounds = NetworkBounds(
      layers: [
        LayerBounds(
          name: hostile, kind: hostile, spectralNorm: nil, modelEstimate: nil,
          freshEstimate: nil, stepSize: nil, stepRule: nil, lipschitzUpperBound: 1)
      ], lipschitzUpperBound: 1)
    report.attacks = [hostile.replacing("/", with: ""): attack]
    report.audit = AuditResult(
      certificate: .published, plan: [hostile],
      images: [image(3, radius: 1, distance: 0.5, attack: hostile)],
      violations: [
        Violation(
          index: 3, label: 0, prediction: 0, radius: 1, distance: 0.5, attack: hostile,
          cause: .lipschitz, original: [0], adversarial: [1])
      ], excessLayers: [hostile])
    return report
  }
}
