// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLReports
import Foundation
import Yams

/// RUN/run.yml: all that it takes to make the run again.
package struct RunConfiguration {
  package var experiment: ExperimentConfiguration
  package var images: ImageSelection
  /// The seed of crops and flips where the run's own does not cover them.
  package var augmentationSeed: UInt64?
  /// The command that began the run.
  package var command: String?
  /// Why the epochs are not those of the experiment; nil where they are.
  package var epochsReason: String?

  /// Which images a run trains on.
  package struct ImageSelection: Codable {
    /// The data set's folder; the built-in images when nil.
    package var data: String?
    package var dataset: String?
    package var limit: Int?
    package var indices: String?
    /// The digest of the images that were chosen, and of the test images where they choose the best
    /// epoch.
    package var digest: String?
    package var testDigest: String?
    /// How these images are divided, which follows from them and the seed.
    package var fitted: Int?
    package var selecting: Int?
    package var splitDigest: String?

    enum CodingKeys: String, CodingKey {
      case data, dataset, limit, indices, digest
      case testDigest = "test_digest"
      case fitted, selecting
      case splitDigest = "split_digest"
    }

    package init(
      data: String? = nil, dataset: String? = nil, limit: Int? = nil, indices: String? = nil,
      digest: String?, testDigest: String?
    ) {
      self.data = data
      self.dataset = dataset
      self.limit = limit
      self.indices = indices
      self.digest = digest
      self.testDigest = testDigest
    }

    package var digests: [String] { [digest, testDigest].compactMap(\.self) }
  }

  package init(
    experiment: ExperimentConfiguration, images: ImageSelection, augmentationSeed: UInt64?,
    command: String?
  ) {
    self.experiment = experiment
    self.images = images
    self.augmentationSeed = augmentationSeed
    self.command = command
  }

  private static let experimentKey = "experiment"
  private static let imagesKey = "images"
  private static let augmentationSeedKey = "augmentation_seed"
  private static let commandKey = "command"
  private static let epochsReasonKey = "epochs_reason"

  /// Reads what `yaml` gives.
  ///
  /// - Parameter path: what the text was read from, for messages.
  package init(yaml: String, path: String) throws {
    func invalid(_ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: path, location: "", expected: expected, found: found)
    }
    do {
      guard let node = try Yams.compose(yaml: yaml), node.mapping != nil,
        let experiment = node[Self.experimentKey], let images = node[Self.imagesKey]
      else {
        throw invalid(
          "a run's configuration with '\(Self.experimentKey)' and '\(Self.imagesKey)'",
          "something else")
      }
      self.experiment = try ExperimentConfiguration(
        yaml: try Yams.serialize(node: experiment), path: path)
      self.images = try YAMLDecoder().decode(
        ImageSelection.self, from: try Yams.serialize(node: images))
      augmentationSeed = try node[Self.augmentationSeedKey].map {
        guard let seed = UInt64($0.string ?? "") else {
          throw invalid("a seed as '\(Self.augmentationSeedKey)'", "something else")
        }
        return seed
      }
      command = node[Self.commandKey]?.string
      epochsReason = node[Self.epochsReasonKey]?.string
    } catch let error as ReferenceError {
      throw error
    } catch {
      throw invalid("a run's configuration in YAML", "text that is not one")
    }
  }

  /// The configuration as YAML, every default written out.
  package func yaml() throws -> String {
    var pairs: [(Node, Node)] = []
    func add(_ key: String, _ yaml: String) throws {
      if let node = try Yams.compose(yaml: yaml) { pairs.append((Node(key), node)) }
    }
    try add(Self.experimentKey, try experiment.yaml())
    try add(Self.imagesKey, try YAMLEncoder().encode(images))
    if let augmentationSeed { try add(Self.augmentationSeedKey, "\(augmentationSeed)") }
    for (key, text) in [(Self.commandKey, command), (Self.epochsReasonKey, epochsReason)] {
      if let text { pairs.append((Node(key), Node(text))) }
    }
    return try Yams.serialize(node: Node(pairs))
  }

  /// What may not change between the parts of one run.
  package var identity: RunIdentity { RunIdentity(self) }

  /// Notes in the provenance of results how the weights came to be. Of the folder with the images it
  /// tells the name alone, so that the same run is described alike wherever its images lie.
  package func describe(in provenance: inout Provenance) throws {
    var configuration = self
    configuration.command = nil
    configuration.images.data = images.data.map { URL(fileURLWithPath: $0).lastPathComponent }
    provenance.configuration = try configuration.yaml()
    provenance.trainingCommand = command
    provenance.splits.training = images.fitted
    provenance.splits.validation = images.selecting
    provenance.splits.seed = images.fitted.map { _ in experiment.training.seed }
    provenance.splits.digest = images.splitDigest
  }
}
