import CPLReference
import CPLVerify
import Foundation
import Yams

/// RUN/run.yml: all that it takes to make the run again.
struct RunConfiguration {
  var experiment: ExperimentConfiguration
  var images: ImageSelection
  /// The seed of crops and flips where the run's own does not cover them.
  var augmentationSeed: UInt64?
  /// The command that began the run.
  var command: String?
  /// Why the epochs are not those of the experiment; nil where they are.
  var epochsReason: String?

  /// Which images a run trains on.
  struct ImageSelection: Codable {
    /// The data set's folder; the built-in images when nil.
    var data: String?
    var dataset: String?
    var limit: Int?
    var indices: String?
    /// The digest of the images that were chosen, and of the test images where they choose the best
    /// epoch.
    var digest: String?
    var testDigest: String?
    /// How these images are divided, which follows from them and the seed.
    var fitted: Int?
    var selecting: Int?
    var splitDigest: String?

    enum CodingKeys: String, CodingKey {
      case data, dataset, limit, indices, digest
      case testDigest = "test_digest"
      case fitted, selecting
      case splitDigest = "split_digest"
    }

    var digests: [String] { [digest, testDigest].compactMap(\.self) }
  }

  init(
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
  init(yaml: String, path: String) throws {
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
  func yaml() throws -> String {
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

  /// What may not change between the parts of one run, as YAML: all but the number of epochs, the
  /// place where the images lie, and what follows from the rest.
  func identity() throws -> String {
    var run = self
    run.experiment.training.epochs = 1
    (run.command, run.epochsReason) = (nil, nil)
    run.images = ImageSelection(digest: images.digest, testDigest: images.testDigest)
    return try run.yaml()
  }

  /// The images of the run, or those that the flags name instead.
  func dataOptions(overriddenBy flags: DataOptions) -> DataOptions {
    var options = flags
    options.data = flags.data ?? images.data
    options.dataset = flags.dataset ?? images.dataset.flatMap(ImageSource.Kind.init(rawValue:))
    if flags.limit == nil, flags.indices == nil {
      options.limit = images.limit
      options.indices = images.indices.flatMap(Indices.init(argument:))
    }
    return options
  }

  /// Notes in the provenance of results how the weights came to be. Of the folder with the images it
  /// tells the name alone, so that the same run is described alike wherever its images lie.
  func describe(in provenance: inout Provenance) throws {
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

  /// What weights files of the run say of themselves.
  ///
  /// - Parameter data: the images that it trains on.
  func description(of data: ImageDataset) -> CheckpointDescription {
    CheckpointDescription(
      profile: experiment.training.profile, createdBy: "cpl-verify \(Program.number)",
      gitCommit: Program.commit,
      trainedOn: TrainingData(name: data.name, digest: images.digest ?? data.digest),
      assumptions: experiment.assumptions(of: data))
  }
}
