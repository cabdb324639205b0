import CPLReference
import Foundation
import Yams

/// A folder that holds a training run.
struct RunFolder {
  let path: String

  var configurationFile: String { path + "/run.yml" }
  var last: String { path + "/last.h5" }
  var best: String { path + "/best.h5" }
  var history: String { path + "/history.h5" }

  /// Makes the folder, which must not hold a run yet.
  func create() throws {
    guard !FileManager.default.fileExists(atPath: configurationFile) else {
      throw ReferenceError.cannotCreate(
        path: path, reason: "it holds a run already; take it up with --resume, or name another")
    }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ReferenceError.cannotCreate(path: path, reason: error.localizedDescription)
    }
  }

  func write(_ run: RunConfiguration) throws {
    try AtomicFile.write(Data(try YAMLEncoder().encode(run).utf8), to: configurationFile)
  }

  func readConfiguration() throws -> RunConfiguration {
    let text = try Self.text(at: configurationFile)
    do {
      return try YAMLDecoder().decode(RunConfiguration.self, from: text)
    } catch {
      throw ReferenceError.invalid(
        path: configurationFile, location: "", expected: "a run's configuration",
        found: "text that is none")
    }
  }

  /// The state that the run was left in.
  func readState(_ experiment: ExperimentConfiguration) throws -> TrainingState {
    let checkpoint = try Checkpoint(path: last)
    guard let state = checkpoint.training else {
      throw ReferenceError.invalid(
        path: last, location: "/progress", expected: "a training run", found: "weights alone")
    }
    return state
  }

  /// The text of a file.
  static func text(at path: String) throws -> String {
    guard FileManager.default.fileExists(atPath: path) else {
      throw ReferenceError.missing(path: path)
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ReferenceError.inputOutput(path: path, reason: "cannot read")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "text in UTF-8", found: "other bytes")
    }
    return text
  }
}

/// RUN/run.yml: all that it takes to make the run again.
struct RunConfiguration: Codable {
  var experiment: ExperimentConfiguration
  /// The data set's folder; the built-in images when nil.
  var data: String?
  var dataset: String?
  var limit: Int?
  /// The seed of crops and flips where the run's own does not cover them.
  var augmentationSeed: UInt64?

  enum CodingKeys: String, CodingKey {
    case experiment, data, dataset, limit
    case augmentationSeed = "augmentation_seed"
  }

  /// The data of the run, or what the flags say instead.
  func dataOptions(overriddenBy flags: DataOptions) -> DataOptions {
    var options = flags
    options.data = flags.data ?? data
    options.dataset = flags.dataset ?? dataset.flatMap(CIFARBinary.Kind.init(rawValue:))
    options.limit = flags.limit ?? limit
    return options
  }

  var description: CheckpointDescription {
    CheckpointDescription(
      profile: experiment.training.profile, createdBy: "cpl-verify \(Program.number)",
      gitCommit: Program.commit)
  }
}
