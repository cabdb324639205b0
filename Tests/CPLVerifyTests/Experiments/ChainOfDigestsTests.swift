// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("The chain of digests")
struct ChainOfDigestsTests {
  private struct NoCommand: Error {}

  private static let images = ImageChoice(limit: 8)

  /// Weights that a run has trained, and results that name what they were made of.
  private static func make(in path: String) throws -> (
    folder: RunFolder, report: VerificationReport
  ) {
    let folder = RunFolder(path: path + "/run")
    let layers = ExperimentSample.run.experiment.model.layers(
      mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1])
    let training = try images.read(.train, classes: 10)
    var run = ExperimentSample.run
    run.images = RunConfiguration.ImageSelection(
      limit: 8, digest: training.digest, testDigest: nil)
    let lock = try folder.create {
      try folder.write(run)
      try TrainingState(network: CPLNetwork(layers, seed: 0)).write(
        to: folder.last,
        description: CheckpointDescription(
          profile: run.experiment.training.profile, createdBy: "tests", gitCommit: "unknown"),
        run: try run.identity.yaml())
    }
    _ = consume lock
    let checkpoint = try Checkpoint(path: folder.last)
    var provenance = Provenance()
    provenance.command = "cpl-verify evaluate"
    provenance.weights = folder.last
    provenance.weightsDigest = checkpoint.digest
    provenance.data.digest = try images.read(.test, classes: 10).digest
    try run.describe(in: &provenance)
    let results = path + "/results.h5"
    try VerificationReport(provenance: provenance).write(to: results)
    return (folder, try VerificationReport(path: results))
  }

  /// The states of the links, from the images on.
  private static func states(
    _ report: VerificationReport, weights: String? = nil, pages: String? = nil,
    reading: @escaping (String) throws -> RecordedReading = { _ in
      RecordedReading(.named, images)
    }
  ) -> [ChainOfDigests.Link.State] {
    ChainOfDigests(report, data: nil, weights: weights, pages: pages, reading: reading)
      .links().map(\.state)
  }

  @Test("every link holds of a run, its results and their pages")
  func whole() throws {
    try ExperimentSample.withFolder { path in
      let report = try Self.make(in: path).report
      let digest = try #require(report.contentDigest)
      let pages = path + "/pages"
      try PageFolder.report(pages).write(
        ["report.html", "report.md", "report.json", "junit.xml"].map {
          ($0, Data(digest.utf8))
        }, of: digest, force: false)
      #expect(Self.states(report, pages: pages) == [.holds, .holds, .holds, .holds, .holds])
    }
  }

  @Test("other images, weights of another run and edited pages break their links alone")
  func broken() throws {
    try ExperimentSample.withFolder { path in
      var (folder, report) = try Self.make(in: path)
      report.provenance.data.digest = "0123"
      report.provenance.weightsDigest = "4567"
      let state = try folder.readState(of: folder.readConfiguration()) { _ in }
      let weights = path + "/other.h5"
      try state.write(
        to: weights,
        description: CheckpointDescription(
          profile: .corrected, createdBy: "tests", gitCommit: "unknown"),
        run: try ExperimentSample.run.identity.yaml())
      let pages = path + "/pages"
      try PageFolder.report(pages).write(
        ["report.html", "report.md", "report.json", "junit.xml"].map { ($0, Data("page".utf8)) },
        of: report.contentDigest ?? "", force: false)
      #expect(
        Self.states(report, weights: weights, pages: pages)
          == [.broken, .holds, .broken, .broken, .broken])
    }
  }

  @Test("what nobody noted is unchecked, and weights without a run have no configuration")
  func unchecked() throws {
    try ExperimentSample.withFolder { path in
      var report = try Self.make(in: path).report
      report.provenance.configuration = "# pytorch\n"
      report.provenance.weightsDigest = nil
      #expect(
        Self.states(report)
          == [.holds, .notApplicable, .notApplicable, .unchecked, .unchecked])
      #expect(
        Self.states(report) { _ in throw NoCommand() }
          == [.unchecked, .notApplicable, .notApplicable, .unchecked, .unchecked])
      #expect(
        Self.states(report, weights: path + "/missing.h5")
          == [.unchecked, .notApplicable, .notApplicable, .unchecked, .unchecked])
    }
  }
}
