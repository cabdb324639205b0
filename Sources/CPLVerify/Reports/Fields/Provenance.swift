// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// How results came to be: everything that it takes to make them again, and what it took. Collected
/// by the command line. What is nil was not recorded, and a report shows it as missing.
public struct Provenance: Codable, Equatable, Sendable {
  /// The images that the network was judged by.
  public struct Data: Codable, Equatable, Sendable {
    /// "cifar10", "cifar100", "synthetic" or another name.
    public var name: String?
    /// Where the files lie; nil for the built-in images.
    package var folder: String?
    /// `train` or `test`.
    public var split: String?
    /// The number of images used, by all shards together.
    public var images: Int?
    /// The number of images in the set that they were chosen from.
    package var available: Int?
    /// SHA-256 over these images and their labels.
    public var digest: String?
    /// Which of several parts of them these results are of, such as "2/3"; nil for all.
    package var shard: String?
    /// Nothing known.
    public init() {}
  }

  /// How the training images were divided.
  package struct TrainingSplits: Codable, Equatable, Sendable {
    /// The number of images that the weights were fitted to.
    package var training: Int?
    /// The number of images that chose the best epoch.
    package var validation: Int?
    /// What the division was drawn from.
    package var seed: UInt64?
    /// SHA-256 over the two lists of indices.
    package var digest: String?
    package init() {}
  }

  /// What ran: this program and what it is linked with.
  package struct Versions: Codable, Equatable, Sendable {
    package var program: String?
    package var swift: String?
    /// OpenBLAS's configuration string.
    package var openblas: String?
    /// The kernels that OpenBLAS chose for this CPU.
    package var openblasCore: String?
    package var hdf5: String?
    package init() {}
  }

  /// What it ran on.
  package struct Machine: Codable, Equatable, Sendable {
    package var cpu: String?
    package var cores: Int?
    package var memoryBytes: Int?
    /// The level of this package's own kernels.
    package var kernelLevel: String?
    package var threads: Int?
    /// The device that evaluated the network instead of the CPU, its driver and OpenCL's platform. Results do
    /// not depend on it.
    package var device: String?
    package var deviceDriver: String?
    package var devicePlatform: String?
    package init() {}
  }

  /// What it took.
  package struct Cost: Codable, Equatable, Sendable {
    /// When the run began, in ISO 8601.
    package var start: String?
    package var wallSeconds: Double?
    package var cpuSeconds: Double?
    /// Of the search for local radii, by the clock, and of how many images it was the search; those that an earlier
    /// run had searched are not among them.
    package var localSeconds: Double?
    package var localImages: Int?
    /// How fast the weights' training goes on this machine with these threads, and the memory of the process that it
    /// takes at most, measured on its first steps; nil where it was not measured.
    package var trainingImagesPerSecond: Double?
    package var trainingMemoryBytes: Int?
    /// Energy, where the machine tells.
    package var joules: Double?
    package init() {}

    /// By the clock, with all threads at work; nil where no local radius was searched.
    package var localSecondsPerImage: Double? {
      guard let localSeconds, let localImages, localImages > 0 else { return nil }
      return localSeconds / Double(localImages)
    }
  }

  /// What a reader must know first, the most important first; nil for nothing.
  package var notices: [Notice]?
  /// The command that makes the results again, ready for a shell.
  public var command: String?
  /// The command that trained the weights.
  package var trainingCommand: String?
  /// The resolved configuration, defaults included.
  public var configuration: String?
  /// "published", "corrected" or "mixed", under which the network was judged; "shipped" where it was
  /// taken as its file holds it.
  public var profile: String?
  /// The policy by which the executed steps were chosen, a `StepPolicy`.
  public var steps: String?
  /// The kind of certificate asked for.
  public var certificate: String?
  /// What local certificates were asked to prove; nil where there are none.
  package var localPlan: String?
  /// What everything random came from.
  public var seed: UInt64?
  /// SHA-256 of all that the results of an audit, or local certificates, depend on; finished ones are known by it.
  package var auditDigest: String?
  /// The file of weights.
  public var weights: String?
  /// The flags, ready for a shell, with which the weights were read and judged.
  package var weightsFlags: String?
  /// SHA-256 of the network in that file.
  public var weightsDigest: String?
  /// SHA-256 of the network that was executed: the same unless its steps were replaced or not stored.
  public var networkDigest: String?
  /// The commit that the program was built from.
  public var gitCommit: String?
  /// Whether the program was built from that commit with changes.
  package var isDirty: Bool?
  /// The images that were judged.
  public var data = Data()
  package var splits = TrainingSplits()
  package var versions = Versions()
  package var machine = Machine()
  package var cost = Cost()

  /// Nothing recorded yet.
  public init() {}

  /// SHA-256 of the resolved configuration.
  package var configurationDigest: String? { configuration.map { Digest.of($0) } }

  /// The command that computes the results where nothing of them is there yet: the one that was carried
  /// out, which may have ended what an earlier one began.
  var commandFromScratch: String? {
    command.map { text in
      let words = Self.firstCommand(in: text)
      return words.contains("--resume") && !text.contains("\n")
        ? Self.shellCommand(words.filter { $0 != "--resume" }) : text
    }
  }

  /// Arguments as one line that a shell takes apart into the same arguments.
  package static func shellCommand(_ arguments: [String]) -> String {
    arguments.map(shellQuoted).joined(separator: " ")
  }

  /// The command that shows a stored violation again; nil where the weights have no file.
  package func replayCommand(results: String, index: Int) -> String? {
    weights.map { weights in
      [
        Self.shellCommand(["cpl-verify", "audit", weights]), weightsFlags,
        Self.shellCommand(["--replay", results, "--indices", "\(index)"]),
      ].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " ")
    }
  }

  /// The arguments of the first of the commands that `shellCommand` made, one a line.
  package static func firstCommand(in text: String) -> [String] {
    var words: [String] = []
    var word: String?
    var (isQuoted, isEscaped) = (false, false)
    scan: for character in text {
      switch character {
      case _ where isEscaped:
        word = (word ?? "") + String(character)
        isEscaped = false
      case "'":
        isQuoted.toggle()
        word = word ?? ""
      case _ where isQuoted: word?.append(character)
      case "\\": isEscaped = true
      case "\n": break scan
      case " ":
        if let word { words.append(word) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }

  private static func shellQuoted(_ argument: String) -> String {
    let isPlain = argument.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_./=:,+@%".utf8.contains($0)
      }
    }
    if isPlain, !argument.isEmpty { return argument }
    return "'"
      + argument.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
