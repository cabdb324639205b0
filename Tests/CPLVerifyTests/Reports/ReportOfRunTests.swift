// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("The report of a run")
struct ReportOfRunTests {
  private let workers = Workers(threads: 2)

  /// A small network whose steps are eight times too long, so that certificates which take its
  /// layers for 1-Lipschitz are wrong.
  private var expanding: CPLNetwork<Float> {
    let model = ModelRecipe(
      convolutionLayers: 2, channels: 3, convolutionInner: 3, linearLayers: 1, linearInner: 16,
      classes: 3, image: [3, 8, 8])
    var network = CPLNetwork<Float>(
      model.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 1)
    network.updateSteps(iterations: 100, workers: workers)
    for index in network.steppedLayers {
      network[stepped: index].stepRule = .fixed
      network[stepped: index].stepSize *= 8
    }
    return network
  }

  private var images: ImageDataset {
    let random = SyntheticImages.make(seed: 3, split: .test)
    let count = 8
    return ImageDataset(
      name: "crops", classes: 3, imageShape: [3, 8, 8],
      pixels: (0..<count).flatMap { image in
        let bytes = Array(random.bytes(at: image))
        return (0..<192).map { bytes[$0 * 16 + image] }
      }, labels: (0..<count).map { $0 % 3 })
  }

  @Test("a counterexample is replayed from the file and the weights alone")
  func replay() throws {
    let verified = try VerifiedNetwork(expanding, profile: .published, workers: workers) { _, _ in }
    let audit = try CertificateAudit(
      EvaluatedNetwork(verified), certificate: .published, seed: 0, workers: workers
    ).run(images) { _ in }
    try #require(!audit.violations.isEmpty, "a network that expands is caught")
    var report = VerificationReport(provenance: Provenance())
    report.model = ModelSummary(verified.network)
    report.bounds = verified.bounds
    report.audit = audit
    #expect(report.verdict == .violated)

    let read = try withReportFolder { folder in
      try report.write(to: folder + "/report.h5")
      return try VerificationReport(path: folder + "/report.h5")
    }
    #expect(read.verdict == .violated)
    #expect(read.model == report.model)
    let violations = try #require(read.audit?.violations)
    #expect(violations.count == audit.violations.count)
    for violation in violations {
      let pair = Tensor(
        shape: [2, 3, 8, 8], elements: violation.original + violation.adversarial)
      let classes = verified.network.logits(pair, workers: workers).rowMaxima
      #expect(classes[0] == violation.prediction)
      #expect(classes[1] != violation.prediction)
      let square = zip(violation.original, violation.adversarial).reduce(0.0) {
        $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
      }
      #expect(square.squareRoot() <= violation.radius)
    }
  }

  @Test("a table has the certificates that are asked for, and no others")
  func table() throws {
    let verified = try VerifiedNetwork(expanding, profile: .corrected, workers: workers) { _, _ in }
    let logits = verified.network.logits(of: images, workers: workers) { _ in }
    var evaluated = EvaluatedImages(images, EvaluatedNetwork(verified), workers: workers)
    let table = try CertificateTable(&evaluated, kinds: [.lipschitz]) { _ in }
    #expect(table.count == 8 && table.kinds == [.lipschitz])
    #expect(table.predictions == logits.rowMaxima)
    let radii = try #require(table.radii[.lipschitz])
    #expect(zip(table.margins, radii).allSatisfy { $0 >= $1 })
    #expect(
      EvaluationSummary(table).certifiedAccuracy[.lipschitz]?[Epsilon.published[0]]
        == table.certifiedAccuracy(.lipschitz, at: Epsilon.published[0]))
  }
}
