// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNetworks
import CPLNumerics
import CPLTraining

/// The names in a weights file (`cpl-weights`, version 3).
///
/// Until version 2 gradients were summed over a batch in another order than that of `BatchTree`, so that a
/// run that was begun then cannot be gone on with to the bytes that it would have ended with. In version 1
/// the digest was one of the parameters alone, and the file did not tell which data the weights were
/// trained on.
package enum CheckpointSchema {
  package static let format = "cpl-weights"
  static let version: Int64 = 3
  static let readableVersions: ClosedRange<Int64> = 1...3
  /// The first version with a digest of the whole network.
  static let firstWithNetworkDigest: Int64 = 2
  /// The first version whose training sums in the order of `BatchTree`.
  static let firstWithBatchTree: Int64 = 3

  /// The attributes of the data that the weights were trained on, in files that know it.
  static let dataName = "trained_on"
  static let dataDigest = "trained_on_digest"
  /// What was taken for granted in training, or when another program's file was read.
  static let assumptions = "assumptions"

  static func parameter(_ layer: String, _ name: String) -> String {
    "/parameters/\(layer)/\(name)"
  }
  static func buffer(_ layer: String, _ name: String) -> String { "/buffers/\(layer)/\(name)" }
  /// σ̂ and the unused number of a published layer.
  static func spectralNorm(_ layer: String) -> String { "/buffers/\(layer)/spectral_norm" }
  static func alpha(_ layer: String) -> String { "/buffers/\(layer)/alpha" }
  /// The attribute that says what the published names of the tensors began with.
  static let prefix = "published_prefix"
  /// What the optimiser keeps of a parameter, under one of `Optimizer.momentNames`.
  static func moment(_ moment: String, _ layer: String, _ name: String) -> String {
    "/optimizer/\(moment)/\(layer)/\(name)"
  }
  static let optimizer = "/optimizer"
  /// The attributes of `optimizer` that stochastic gradient descent has.
  static let momentum = "momentum"
  static let weightDecay = "weight_decay"
  static let progress = "/progress"
  static let history = "/progress/history"
  /// The attribute of `progress` that says which run it is the progress of.
  static let run = "run"

  /// Every attribute and dataset, for `docs/formats.md`.
  package static let fields: [(name: String, places: String, unit: String, meaning: String)] = [
    ("format", "attribute of `/`", "text", "`cpl-weights`"),
    ("version", "attribute of `/`", "ordinal", "of the format"),
    ("model", "attribute of `/`", "text", "the layers, in JSON"),
    ("profile", "attribute of `/`", "text", "the quirks of the training, in JSON"),
    ("digest", "attribute of `/`", "text", "SHA-256 of the network"),
    ("created_by", "attribute of `/`", "text", "the program that wrote the file"),
    ("git_commit", "attribute of `/`", "text", "the commit that it was built from"),
    (dataName, "attribute of `/`", "text", "the data set of the training, where that is known"),
    (dataDigest, "attribute of `/`", "text", "SHA-256 over the training images and their labels"),
    (assumptions, "attribute of `/`", "text", "what was taken for granted, in JSON"),
    (prefix, "attribute of `/`", "text", "what the published names of the tensors began with"),
    (parameter("LAYER", "NAME"), "dataset", "1", "a parameter, binary32"),
    (buffer("LAYER", "u"), "dataset", "1", "the power method's vector"),
    (spectralNorm("LAYER"), "dataset", "1", "σ̂, from which the step was made"),
    (alpha("LAYER"), "dataset", "1", "a number of the published code that nothing uses"),
    (moment("first_moment", "LAYER", "NAME"), "dataset", "1", "Adam's first moment"),
    (moment("second_moment", "LAYER", "NAME"), "dataset", "1", "Adam's second moment"),
    (moment("momentum", "LAYER", "NAME"), "dataset", "1", "the momentum of gradient descent"),
    (momentum, "attribute of `\(optimizer)`", "1", "how much of it is kept; not of Adam"),
    (weightDecay, "attribute of `\(optimizer)`", "1", "of gradient descent; not of Adam"),
    ("step", "attribute of `\(optimizer)`", "count", "steps of the optimiser that are done"),
    ("epoch", "attribute of `\(progress)`", "count", "epochs that are done"),
    ("batch", "attribute of `\(progress)`", "count", "steps of the next epoch that are done"),
    ("loss_sum", "attribute of `\(progress)`", "1", "the sum of the losses of its images so far"),
    (run, "attribute of `\(progress)`", "text", "what tells the run from others, in YAML"),
    (
      "\(history)/epoch", "dataset", "ordinal",
      "a row an epoch, from 1 on; in history.h5 under `/history`"
    ),
    ("\(history)/loss", "dataset", "1", "the mean over the epoch"),
    ("\(history)/learning_rate", "dataset", "1", "that of its last step"),
    ("\(history)/selection_accuracy", "dataset", "1", "of the images that choose the best epoch"),
  ]
}

/// What a weights file says of itself beside the network.
public struct CheckpointDescription: Equatable, Sendable {
  /// Whose quirks the training reproduced.
  public var profile: Profile
  /// The program that wrote the file.
  public var createdBy: String
  /// The commit that program was built from.
  public var gitCommit: String
  /// The data that the weights were trained on; nil where nobody says.
  public var trainedOn: TrainingData?
  /// What was taken for granted in training, or when another program's file was read.
  public var assumptions: [String]

  /// Facts that a file of weights is written with.
  public init(
    profile: Profile, createdBy: String, gitCommit: String, trainedOn: TrainingData? = nil,
    assumptions: [String] = []
  ) {
    self.profile = profile
    self.createdBy = createdBy
    self.gitCommit = gitCommit
    self.trainedOn = trainedOn
    self.assumptions = assumptions
  }
}

/// The data that weights were trained on.
public struct TrainingData: Codable, Equatable, Sendable {
  /// The data set's name, such as "cifar10".
  public let name: String
  /// SHA-256 over the training images and their labels.
  public let digest: String

  /// Training data by its name and digest.
  public init(name: String, digest: String) {
    self.name = name
    self.digest = digest
  }

  /// The training data that these images are.
  public init(_ images: ImageDataset) {
    self.init(name: images.name, digest: images.digest)
  }
}

/// A weights file as it was read.
public struct Checkpoint: Sendable {
  /// The format that is ours.
  package static let ownFormat = CheckpointSchema.format
  /// What it was read from: `ownFormat`, or the format of a `StateDictionary`.
  public let format: String
  /// The network with its weights and steps.
  public let network: CPLNetwork<Float>
  /// What the file says of how the network came to be.
  public let description: CheckpointDescription
  /// The SHA-256 of the network; checked where the file states it.
  public let digest: String
  /// Whether version 1 wrote the file, whose digest was one of the parameters alone: that steps,
  /// normalisation and head are those that were written is not checked.
  package let isEarlierFormat: Bool
  /// Whether the training run in the file, if it holds one, was summed in the order of `BatchTree`, so that
  /// this program can go on with it.
  package let isSummedInTree: Bool
  /// What the published checkpoint that it comes from held beside the network; nil for others.
  public let published: PublishedState?
  /// What had to be assumed or rounded to read a published checkpoint.
  public let notes: [String]
  /// The training run, when the file holds one.
  public let training: TrainingState?
  /// What whoever wrote that run said of it, to know it again.
  package let run: String?
}
