// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLReports
import Foundation

/// The chain from images to pages: each artefact names the digests of those that it was made of.
package struct ChainOfDigests {
  package struct Link: Encodable {
    package enum State: String, Encodable {
      case holds, broken, unchecked
      case notApplicable = "not applicable"
    }

    package let link: String
    package let state: State
    package let detail: String
  }

  private let report: VerificationReport
  private let data: String?
  private let weights: String?
  private let pages: String?
  private let reading: (String) throws -> RecordedReading

  /// - Parameters:
  ///   - data: where the data set is now; nil for where the recorded command found it.
  ///   - weights: where the weights are now; nil for where the recorded command found them.
  ///   - pages: the folder with the pages, if there is one.
  ///   - reading: how a recorded command read weights and images; throws where it is not one of this
  ///     version.
  package init(
    _ report: VerificationReport, data: String?, weights: String?, pages: String?,
    reading: @escaping (_ command: String) throws -> RecordedReading
  ) {
    self.report = report
    self.data = data
    self.weights = weights
    self.pages = pages
    self.reading = reading
  }

  /// Every link, from the images on.
  package func links() -> [Link] {
    let command = Result { try recordedReading() }
    let configuration = Result { try trainedConfiguration() }
    let checkpoint = Result {
      try command.get().readWeights(at: weights, named: try weightsFile())
    }
    return [
      link("test images → results") { try testImages(try command.get()) },
      link("images → configuration") { try trainingImages(try configuration.get()) },
      link("configuration → weights") {
        let identity = try configuration.get().identity.yaml()
        guard let origin = try checkpoint.get().run else {
          throw State(.unchecked, "the weights do not name the run that made them")
        }
        return (Digest.of(identity), Digest.of(origin))
      },
      link("weights → results") { try judgedWeights(try checkpoint.get()) },
      link("results → pages") {
        guard let pages else { throw State(.unchecked, "name the folder with the pages by --out") }
        return (
          try PageFolder.report(pages).check(
            naming: ["report.html", "report.md", "report.json", "junit.xml"]),
          try required(report.contentDigest)
        )
      },
    ]
  }

  /// Why a link is neither whole nor broken.
  private struct State: Error {
    let state: Link.State
    let reason: String

    init(_ state: Link.State, _ reason: String) {
      self.state = state
      self.reason = reason
    }
  }

  /// A link holds when what is there has the digest that was noted of it.
  private func link(
    _ name: String, _ digests: () throws -> (found: String, noted: String)
  ) -> Link {
    func link(_ state: Link.State, _ detail: String) -> Link {
      Link(link: name, state: state, detail: detail)
    }
    do {
      let (found, noted) = try digests()
      return found == noted
        ? link(.holds, found) : link(.broken, "expected \(noted), found \(found)")
    } catch let error as State {
      return link(error.state, error.reason)
    } catch {
      return switch (error as? HintedError)?.error ?? error as? ReferenceError {
      case .missing?, nil: link(.unchecked, "\(error)")
      default: link(.broken, "\(error)")
      }
    }
  }

  private func required(_ digest: String?) throws -> String {
    guard let digest else { throw State(.unchecked, "the results do not name it") }
    return digest
  }

  private func recordedReading() throws -> RecordedReading {
    guard let text = report.provenance.command else {
      throw State(.unchecked, "the command that made the results was not recorded")
    }
    do {
      return try reading(text)
    } catch {
      throw State(
        .unchecked, "the recorded command is not one of this version: \(text.prefix(200))")
    }
  }

  private func testImages(_ command: RecordedReading) throws -> (String, String) {
    let noted = try required(report.provenance.data.digest)
    guard let classes = try report.model?.classes ?? knownClasses(command) else {
      throw State(.unchecked, "the results do not record how many classes the images have")
    }
    return (try command.readImages(at: data, classes: classes).digest, noted)
  }

  /// The classes of the network, where the results do not hold its size.
  private func knownClasses(_ command: RecordedReading) throws -> Int? {
    try command.readWeights(at: weights, named: try weightsFile()).network.classes
  }

  private func weightsFile() throws -> String {
    guard let path = weights ?? report.provenance.weights else {
      throw State(.unchecked, "the results do not name a file of weights")
    }
    return path
  }

  /// The digest of weights in results of an earlier version covers less than what makes a network:
  /// equal digests do not show that it is the same.
  private func judgedWeights(_ checkpoint: Checkpoint) throws -> (String, String) {
    let earlier = report.provenance.notices?.first { $0.kind == .earlierFormat }
    if let earlier { throw State(.unchecked, earlier.text) }
    return (checkpoint.digest, try required(report.provenance.weightsDigest))
  }

  private func trainedConfiguration() throws -> RunConfiguration {
    // Of another program's weights the results hold what had to be assumed, as comments.
    guard let yaml = report.provenance.configuration,
      yaml.split(separator: "\n").contains(where: { !$0.hasPrefix("#") })
    else {
      throw State(.notApplicable, "the weights come without the run that trained them")
    }
    return try RunConfiguration(yaml: yaml, path: "configuration in the results")
  }

  private func trainingImages(_ run: RunConfiguration) throws -> (String, String) {
    guard let noted = run.images.digest else {
      throw State(.unchecked, "the configuration does not name its images")
    }
    var place = ImageChoice()
    if let name = run.images.data {
      // The configuration tells the folder's name alone: that of the test images, or unknown.
      let tested = report.provenance.data.folder
      guard let folder = tested, URL(fileURLWithPath: folder).lastPathComponent == name else {
        throw State(
          .unchecked,
          "the training images lay in a folder '\(name)', the test images in "
            + (tested.map { "'\($0)'" } ?? "none"))
      }
      place.data = data ?? folder
    }
    let images = run.images(overriddenBy: place)
    return (try images.read(.train, classes: run.experiment.model.classes).digest, noted)
  }
}
